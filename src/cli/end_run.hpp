// End run: what `--restart` of push, pull and run does to a run of the same job in another process.
#pragma once

#include <optional>

#include "cli/session.hpp"
#include "config/job.hpp"

namespace syncline::cli {

/// Ends the process that runs `job` now, as Ctrl-C would, and waits for its end; nothing when none does, or when it is
/// the engine of `file`, which is asked otherwise. Throws Error{locked} when the run is another engine's, or does not
/// end in time.
void end_run_elsewhere(Session& session, const std::optional<JobFile>& file, const Job& job);

}  // namespace syncline::cli
