// Plans shown instead of done: what `plan` and every --dry-run have in common.
#pragma once

#include <vector>

#include "cli/session.hpp"
#include "cli/workbench.hpp"

namespace syncline::cli {

struct PlannedRun {
    Job job;
    RunOptions options;
};

/// Plans each and tells all plans. 0 when all could be planned, halts included. `as_events`: JSON as one event a line,
/// not as the document of `plan`.
int show_plans(Session& session, Workbench& workbench, const std::vector<PlannedRun>& runs, bool as_events);

}  // namespace syncline::cli
