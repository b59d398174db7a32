// Known remotes: what can stand before the ':' of a remote, for completions.
#pragma once

#include <set>
#include <string>

#include "cli/session.hpp"

namespace syncline::cli {

/// The hosts and buckets of the job file that would be used, and the hosts of ssh_config that are no patterns. What
/// cannot be read is passed over.
std::set<std::string> known_remotes(const Session& session);

}  // namespace syncline::cli
