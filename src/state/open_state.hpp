// Opening of the state database: creation, versions, and what happens to a damaged file.
#pragma once

#include <memory>
#include <string>

#include "state/database.hpp"

namespace syncline {

/// Opens or creates `directory`/state.db, one process at a time. When the file there is damaged, or was found so in use
/// (as `known_damaged`, else null), it is renamed and `set_aside` gets its new path. Throws Error{state}.
std::unique_ptr<Database> open_state(const std::string& directory, const Database* known_damaged,
                                     std::string& set_aside);

}  // namespace syncline
