// Engine: what `syncline apply` does: every job on its schedule, and the job file's edits as they come; or each job
// once.
//
// One engine serves a job file at a time (apply takes the lock); `--once` asks only for the locks of its jobs, so it
// works beside a running engine and reports those jobs as locked that the engine is running just then. All on one
// thread. It is stopped by cancelling its task: runs are cancelled, waited for, and reported.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/clock.hpp"
#include "config/parse.hpp"
#include "core/local_time.hpp"
#include "core/schedule.hpp"
#include "engine/control.hpp"
#include "engine/job_run.hpp"
#include "engine/job_watch.hpp"
#include "engine/reload.hpp"
#include "engine/run.hpp"

namespace syncline {

struct EngineOptions {
    std::vector<std::string> only_jobs;  ///< names; empty: every job of the file
    bool adopt = false;                  ///< for the first run of each job that is in the file now
    RunOptions run;                      ///< of every run
    uint64_t seed = 0;                   ///< of jitter and backoff
};

/// What the engine stands on. All of it outlives the engine.
struct EngineParts {
    Clock& clock;
    const LocalTime& zone;
    RunFunction run;                     ///< run_function(context), or a test's
    std::function<ParseOutcome()> load;  ///< the job file again, with every check that a start makes
    std::string state_directory;         ///< where the engine's lock lives
    std::string address = {};            ///< where the engine can be reached, for who finds the lock taken
    /// Runs beside the jobs from when the lock is held, and is cancelled with them; may be empty. An Error that it
    /// throws is told, and ends it alone.
    std::function<Task<void>(EngineControl&)> companion = {};
    /// Called once the engine has the job file to itself, before any job starts; may be empty. What it throws ends the
    /// engine.
    std::function<void()> began = {};
    WatchFunction watch = {};  ///< watch_function(context); empty: nothing is watched
};

/// run_job with `context`, which outlives the function.
RunFunction run_function(RunContext& context);
/// Watchers with the means of `context`, which outlives the function and them.
WatchFunction watch_function(RunContext& context);

/// Told what happens, on the engine's thread. Must not throw.
class EngineObserver {
  public:
    virtual ~EngineObserver() = default;
    /// `progress` lives until run_finished or run_locked of the same job; one of them comes for sure.
    virtual void run_started(const Job&, const Progress&) {}
    virtual void run_finished(const RunReport&) {}
    /// Another run has the job; `why` names its pid.
    virtual void run_locked(const Job&, const std::string& /*why*/) {}
    /// `file` is in force from now on.
    virtual void reloaded(const JobChanges&, const JobFile& /*file*/) {}
    /// The edited file is wrong; the old jobs stay. Told once for the same errors.
    virtual void reload_failed(const std::vector<Diagnostic>&) {}
    virtual void warning(const std::string&) {}
    /// All that may start now was started. `schedule` says of each job when it is to start next.
    virtual void scheduled(const Schedule& /*schedule*/, Moment /*now*/) {}
    /// The watcher of a job with `watch` is in another state now.
    virtual void watch_changed(const std::string& /*job*/, const WatchState&) {}
    /// All that is due was started; the next start of any job is at this wall-clock time, if nothing happens before.
    virtual void waiting(std::optional<TimeNs> /*next_start*/) {}
};

/// Runs until it is cancelled, then returns 0. Throws Error{locked} when another engine has the file.
Task<int> apply(JobFile file, EngineOptions options, EngineParts& parts, EngineObserver& observer);

/// Runs each job once, at most max_parallel_jobs at a time, and returns the worst exit status: 2, 1, 3, 5, 4 in this
/// order. Cancelled: 1.
Task<int> apply_once(JobFile file, EngineOptions options, EngineParts& parts, EngineObserver& observer);

}  // namespace syncline
