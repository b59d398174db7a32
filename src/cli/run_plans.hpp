// Runs as commands make them: done and told, or only planned.
#pragma once

#include <vector>

#include "cli/session.hpp"
#include "cli/workbench.hpp"

namespace syncline::cli {

struct PlannedRun {
    Job job;
    RunOptions options;
};

class Hooks;

/// One run; `status` is the exit status for it. When it did nothing, that is told unless `quiet_when_idle`. Its hooks
/// are started when `hooks` is given, which runs it then.
Task<void> run_and_tell(const Job& job, RunOptions options, Workbench& workbench, Output& output, bool quiet_when_idle,
                        int& status, Hooks* hooks = nullptr);

/// Says of an ad hoc run what is sent from where and to where: that is in no file that one could look at.
void tell_ad_hoc(Session& session, const Job& job);

/// Plans each and tells all plans. 0 when all could be planned, halts included. `as_events`: JSON as one event a line,
/// not as the document of `plan`.
int show_plans(Session& session, Workbench& workbench, const std::vector<PlannedRun>& runs, bool as_events);

}  // namespace syncline::cli
