// apply: every job on its schedule, or each once.
#include <algorithm>
#include <random>

#include "async/cancel.hpp"
#include "async/clock.hpp"
#include "async/first_of.hpp"
#include "base/text.hpp"
#include "cli/clean_background.hpp"
#include "cli/commands.hpp"
#include "cli/detach.hpp"
#include "cli/engine_host.hpp"
#include "cli/exit_status.hpp"
#include "cli/hooks.hpp"
#include "cli/job_files.hpp"
#include "cli/observers.hpp"
#include "cli/run_plans.hpp"
#include "cli/workbench.hpp"
#include "engine/engine.hpp"
#include "engine/system_zone.hpp"

namespace syncline::cli {
namespace {

/// What the engine tells, told on.
class Teller final : public EngineObserver {
  public:
    Teller(Output& output, Workbench& workbench, CleanKeeper& cleans)
        : output_(output), workbench_(workbench), cleans_(cleans) {}

    void run_started(const Job& job, const Progress& progress) override { output_.run_started(job.name, progress); }
    void run_finished(const RunReport& report) override {
        output_.run_stopped(report.job);
        output_.run_finished(report);
        if (report.outcome == Outcome::success) cleans_.ran(report.job);
    }
    void run_locked(const Job& job, const std::string& why) override {
        output_.run_stopped(job.name);
        RunReport report;
        report.job = job.name;
        report.direction = job.policy.direction;
        report.source = escape(job.root);
        report.target = escape(job.remote_text);
        if (report.direction == Direction::pull) std::swap(report.source, report.target);
        report.outcome = Outcome::failed;
        report.error = why;
        report.started_at = report.finished_at = wall_clock_now();
        output_.run_locked(report);
    }
    void reloaded(const JobChanges& changes, const JobFile& file) override {
        workbench_.use_settings(file);
        cleans_.take_up(file);
        output_.info("took up " + escape(file.shown_path) + ": " + escape(describe(changes)));
    }
    void reload_failed(const std::vector<Diagnostic>& errors) override {
        for (const Diagnostic& error : errors) output_.diagnostic("error", error);
        output_.error("the edited job file is not taken up; the jobs go on as they were");
    }
    void warning(const std::string& message) override { output_.warning(message); }

  private:
    Output& output_;
    Workbench& workbench_;
    CleanKeeper& cleans_;
};

Task<void> take_status(Task<int> work, int& status) { status = co_await std::move(work); }

/// The long run, with the cleaning that goes along; gives `status` when it ended, asked to or not.
Task<void> serve_and_clean(Task<int> hosting, CleanKeeper& cleans, int& status) {
    auto keep_status = take_status(std::move(hosting), status);
    auto both = first_of(std::move(keep_status), cleans.serve());
    try {
        co_await std::move(both);
    } catch (...) {
        if (!is_cancellation(std::current_exception())) throw;  // Asked for: this is how an engine ends well.
    }
}

int detach_engine(Session& session, const JobFile& file) {
    const CommandLine& line = session.line;
    if (line.once || line.dry_run)
        throw Error(Errc::usage, "--detach is for the engine that goes on, without --once and --dry-run");
    EnginePlace place = engine_place(file.path, session.environment);
    std::vector<std::string> words = words_for_engine(session, true);
    for (const std::string& job : line.jobs) words.insert(words.end(), {"--job", job});
    if (line.adopt) words.emplace_back("--adopt");
    return start_detached(session, place, std::move(words), log_for_engine(session, place));
}

int show_plans_of(Session& session, Workbench& workbench, JobFile file) {
    std::vector<PlannedRun> runs;
    for (Job& job : file.jobs) {
        job.policy.adopt = session.line.adopt;
        runs.push_back({std::move(job), {}});
    }
    return show_plans(session, workbench, runs, true);
}

}  // namespace

int apply_command(Session& session) {
    const CommandLine& line = session.line;
    JobFile file = require_job_file(session, true);
    bool was_named = locate_job_file(session, true)->was_named;
    // The engine gets the whole file, for it compares it with later edits; only what is to run must be possible.
    JobFile selected = file;
    keep_jobs(selected, line.jobs);
    if (line.detach) return detach_engine(session, file);
    Workbench workbench(session);
    workbench.use_settings(file);
    workbench.context().file_option = file_option(session, true);
    if (line.dry_run) return show_plans_of(session, workbench, std::move(selected));

    SystemClock clock;
    SystemZone zone;
    CleanKeeper cleans(session, workbench, file);
    Teller teller(session.output, workbench, cleans);
    Hooks hooks(file, session.environment, workbench.context().state_directory, session.output);
    Observers observers({&teller, &hooks});
    auto load = [&session, path = file.path, was_named] { return load_again(session, path, was_named); };
    RunContext& context = workbench.context();
    EngineParts parts{clock, zone, run_function(context), load, context.state_directory};
    parts.watch = watch_function(context);
    EngineOptions options;
    options.only_jobs = line.jobs;
    // No job has an empty name, so it holds none.
    if (line.wait_for_orders) options.only_jobs = {""};
    options.adopt = line.adopt;
    options.run.want_actions = line.verbose;
    options.run.say = [&session](const std::string& message) { session.output.warning(message); };
    options.seed = std::random_device{}();
    if (!line.once) session.output.set_long_running();
    int status = exit_failed;
    auto is_up = [&line] { tell_parent(line.ready_fd); };
    Task<void> work = line.once ? take_status(apply_once(std::move(file), std::move(options), parts, observers), status)
                                : serve_and_clean(host_engine(session, workbench, std::move(file), std::move(options),
                                                              parts, observers, is_up),
                                                  cleans, status);
    workbench.run(hooks.with_hooks(std::move(work)), !line.once);
    if (line.once) cleans.leave_to_background();
    return status;
}

}  // namespace syncline::cli
