// Hooks: the commands of `on_success`, `on_failure` and `on_halt`, run when a run has ended. They change nothing about
// the run, and no job waits for them.
//
// Lives as long as with_hooks() runs; engine's thread. A job has one hook at a time; of those that wait for it, the
// newest counts.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "async/nursery.hpp"
#include "cli/hook_rule.hpp"
#include "cli/output.hpp"
#include "config/environment.hpp"
#include "engine/engine.hpp"

namespace syncline::cli {

class Hooks final : public EngineObserver {
  public:
    /// Hooks run in the directory of the job file; without one, in the current one. `output` outlives the hooks.
    /// What was told is remembered in `state_directory`.
    Hooks(const std::optional<JobFile>& file, const ParseEnvironment& environment, std::string state_directory,
          Output& output);

    /// Runs `work`, and returns when it and the hooks that it caused have ended. A cancel ends both; it is thrown only
    /// when the work throws it, for hooks change nothing.
    Task<void> with_hooks(Task<void> work);

    /// Starts what `job` wants for this end of its run; nothing when it was cancelled.
    void run_ended(const Job& job, const RunReport& report);

    void run_started(const Job& job, const Progress&) override { jobs_[job.name] = job; }
    void run_finished(const RunReport& report) override;

  private:
    struct Call {
        std::string key, command;  ///< "on_halt" and what the job file says
        std::string job, outcome, input;
    };
    struct Lane {
        bool is_busy = false;
        std::optional<Call> next;
    };

    void queue(Call call, const RunReport& report);
    Task<void> run_lane(std::string job);
    Task<void> run_call(Call call);

    std::string job_file_, directory_;
    HookMemory memory_;
    Output& output_;
    std::map<std::string, Job> jobs_;  ///< as their last run had them
    std::map<std::string, Lane> lanes_;
    Nursery* nursery_ = nullptr;
};

}  // namespace syncline::cli
