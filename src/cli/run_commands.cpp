// The commands that run jobs once, one after the other: plan, push and pull.
#include <algorithm>

#include <asio/this_coro.hpp>

#include "async/clock.hpp"
#include "base/text.hpp"
#include "cli/clean_background.hpp"
#include "cli/commands.hpp"
#include "cli/direct_run.hpp"
#include "cli/end_run.hpp"
#include "cli/engine_run.hpp"
#include "cli/exit_status.hpp"
#include "cli/hooks.hpp"
#include "cli/job_files.hpp"
#include "cli/run_plans.hpp"
#include "cli/workbench.hpp"
#include "engine/engine.hpp"

namespace syncline::cli {
namespace {

bool did_nothing(const RunReport& report) {
    const PlanSummary& done = report.done;
    return report.outcome == Outcome::success && done.put + done.mkdir + done.removed + done.chmod == 0;
}

Task<void> plan_one(const Job& job, RunOptions options, Workbench& workbench, Output& output, RunReport& report) {
    Progress progress;
    RunningMark mark(output, job.name, progress);
    report = co_await run_job(job, std::move(options), workbench.context(), progress);
}

/// `plan` gives the halts, not a status for them.
int plan_status(const RunReport& report) {
    bool could_plan = report.outcome != Outcome::failed && report.outcome != Outcome::cancelled;
    return could_plan ? exit_ok : exit_status(report);
}

}  // namespace

Task<void> run_and_tell(const Job& job, RunOptions options, Workbench& workbench, Output& output, bool quiet_when_idle,
                        int& status, Hooks* hooks) {
    options.say = [&output](const std::string& message) { output.warning(message); };
    SystemClock clock;
    RunFunction work = run_function(workbench.context());
    auto executor = co_await asio::this_coro::executor;
    JobRun run(executor, std::make_shared<const Job>(job), work, clock);
    {
        RunningMark mark(output, job.name, run.progress());
        auto whole = run.run(std::move(options));
        co_await std::move(whole);
    }
    status = run.was_locked() ? exit_status(Errc::locked) : exit_status(run.report());
    if (run.was_locked()) {
        output.run_locked(run.report());
    } else if (quiet_when_idle && did_nothing(run.report())) {
        output.run_was_idle(run.report());
    } else {
        output.run_finished(run.report());
    }
    if (hooks && !run.was_locked()) hooks->run_ended(job, run.report());
}

int show_plans(Session& session, Workbench& workbench, const std::vector<PlannedRun>& runs, bool as_events) {
    std::vector<RunReport> reports;
    int status = exit_ok;
    for (const PlannedRun& run : runs) {
        RunReport report;
        RunOptions options = run.options;
        options.plan_only = true;
        options.want_actions = true;
        try {
            workbench.run(plan_one(run.job, std::move(options), workbench, session.output, report));
            status = worse_status(status, plan_status(report));
            reports.push_back(std::move(report));
        } catch (const Error& error) {
            // One job that cannot be looked at does not hide the plans of the others.
            session.output.error(escape(run.job.name) + ": " + error.what());
            status = worse_status(status, exit_status(error.code()));
        }
    }
    session.output.plans(reports, as_events);
    return status;
}

int plan_command(Session& session) {
    JobFile file = require_job_file(session, true);
    keep_jobs(file, session.line.jobs);
    Workbench workbench(session);
    workbench.use_settings(file);
    workbench.context().file_option = file_option(session, true);
    std::vector<PlannedRun> runs;
    for (Job& job : file.jobs) runs.push_back({std::move(job), {}});
    return show_plans(session, workbench, runs, false);
}

int direct_command(Session& session) {
    std::optional<Direction> direction;
    if (session.line.command == Command::push) direction = Direction::push;
    if (session.line.command == Command::pull) direction = Direction::pull;
    std::optional<JobFile> file = find_and_load(session, false);
    DirectRun run = resolve_direct_run(session.line, file, direction, session.environment);
    if (file) require_trust_for(session, *file, run.job);
    const bool is_real = !session.line.dry_run;
    if (is_real && session.line.restart) end_run_elsewhere(session, file, run.job);
    if (is_real && file) {
        std::optional<int> done = run_in_engine(session, *file, run);
        if (done) return *done;
    }
    Workbench workbench(session);
    if (file) workbench.use_settings(*file);
    workbench.context().file_option = file_option(session, false);
    if (!is_real) return show_plans(session, workbench, {{run.job, run.options}}, true);
    int status = exit_failed;
    Hooks hooks(file, session.environment, workbench.context().state_directory, session.output);
    workbench.run(
        hooks.with_hooks(run_and_tell(run.job, run.options, workbench, session.output, false, status, &hooks)));
    if (status == exit_ok) clean_after(session, file, run.job, workbench);
    return status;
}

}  // namespace syncline::cli
