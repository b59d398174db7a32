// Bringing a state of an older version up to date: all of it or nothing, with a copy of what it was beside it.
#pragma once

#include <cstdint>
#include <string>

#include "state/database.hpp"

namespace syncline {

/// `version` is that of `database`, the state of `directory`; 0: it is new and empty. An older state is first copied to
/// `state.db.version-N`. Throws Error{locked} while a process of the older program uses it, Error{state} when it cannot
/// be copied; it is as it was then. The caller holds the lock of the state.
void bring_up_to_date(Database& database, const std::string& directory, int64_t version);

}  // namespace syncline
