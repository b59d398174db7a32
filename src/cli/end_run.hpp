// End run: what `push --restart` does to a run of the same job in another process.
#pragma once

#include "cli/workbench.hpp"

namespace syncline::cli {

/// Ends the process that runs `job` now, as Ctrl-C would, and waits for its end; nothing when none does, or when it is
/// the engine `engine_pid`, which is asked otherwise. Throws Error{locked} when the run is another engine's, or does
/// not end in time.
void end_other_run(Session& session, Workbench& workbench, const Job& job, int engine_pid);

}  // namespace syncline::cli
