// Detach: starts an engine that outlives the command, and tells a starting engine's parent that it is up.
//
// The engine is this program anew, in a session of its own, with `apply --ready-fd N`. Until it is up what it says on
// standard error is the command's; from then on only its log speaks.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_place.hpp"

namespace syncline::cli {

/// Starts an engine with these words behind `apply`, and returns when commands reach it: 0. When it ended before, its
/// errors are told and this is its exit status. `log` is absolute.
int start_detached(Session& session, const EnginePlace& place, std::vector<std::string> words, const std::string& log);

/// The job file and the log of the session's command line, as words for start_detached: what was named is named.
std::vector<std::string> words_for_engine(const Session& session, bool takes_file);
std::string log_for_engine(const Session& session, const EnginePlace& place);

/// For the engine: tells the parent behind `ready_fd` ("" for none), and lets go of its terminal and directory.
void tell_parent(const std::string& ready_fd);

}  // namespace syncline::cli
