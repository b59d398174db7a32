// Engine run: `push` and `pull` by the engine that holds the job, while this process shows how it goes.
#pragma once

#include <optional>

#include "cli/direct_run.hpp"
#include "cli/session.hpp"

namespace syncline::cli {

/// The exit status of the run; nullopt when no engine does it, and this process has to: none runs, or it does not hold
/// the job, or the command line changes the job's places. SIGINT and SIGTERM stop the run, a second one ends this
/// process at once.
std::optional<int> run_in_engine(Session& session, const JobFile& file, const DirectRun& run);

}  // namespace syncline::cli
