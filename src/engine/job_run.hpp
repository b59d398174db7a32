// JobRun: one run of one job under supervision: it can be stopped, it stops when its time is over, and it goes on where
// a lost connection left it. Whatever happens, there is a report at the end. Owned by the coroutine that runs it;
// engine's thread.
#pragma once

#include <asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "core/schedule.hpp"
#include "engine/run.hpp"

namespace syncline {

/// What does the work: run_job, or a test's. The job and the progress outlive the task.
using RunFunction = std::function<Task<RunReport>(const Job&, RunOptions, Progress&)>;

class JobRun {
  public:
    /// `work` and `clock` outlive the run.
    JobRun(const asio::any_io_executor& executor, std::shared_ptr<const Job> job, const RunFunction& work,
           Clock& clock);

    /// Returns when the work has ended, stopped or not. Throws Cancelled when the caller was cancelled: then too the
    /// work has ended and the report stands.
    Task<void> run(RunOptions options);

    /// Ends the work early; `reason` goes into the report. The first reason counts.
    void stop(std::string reason);

    const Job& job() const { return *job_; }
    const Progress& progress() const { return progress_; }
    const RunReport& report() const { return report_; }
    /// The job was locked by another run; nothing was done.
    bool was_locked() const { return was_locked_; }
    /// For the schedule.
    RunEnd end() const;

  private:
    Task<void> work_to_the_end(RunOptions options);
    Task<void> work_once(RunOptions options);
    bool wants_another_attempt();
    Task<void> pause_before_attempt(const RunOptions& options);
    Task<void> supervise();
    Task<void> expire(Duration limit);
    void conclude(Outcome outcome, std::string error);

    std::shared_ptr<const Job> job_;
    const RunFunction& work_;
    Clock& clock_;
    Progress progress_;
    RunReport report_;
    Event stop_;
    StopReason reason_;
    bool ended_ = false;  ///< by itself: the report is its own
    bool was_locked_ = false;
    bool lost_connection_ = false;
    unsigned failed_attempts_ = 0;  ///< in a row that brought nothing
    PlanSummary done_before_;       ///< by the attempts before this one
};

}  // namespace syncline
