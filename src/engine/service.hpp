// Service: the loop behind apply. See engine.hpp for what it promises.
#pragma once

#include <asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "core/schedule.hpp"
#include "engine/control.hpp"
#include "engine/engine.hpp"
#include "engine/job_watches.hpp"

namespace syncline {

class Service {
  public:
    Service(const asio::any_io_executor& executor, JobFile file, EngineOptions options, EngineParts& parts,
            EngineObserver& observer);

    /// Ends only by a cancel, or by a bug.
    Task<void> serve();

    EngineControl& control() { return control_; }

  private:
    friend class EngineControl;

    Task<void> start_due_jobs();
    Task<void> wait_for_change();
    /// `asked` is told of it; may be null.
    Task<void> run(std::shared_ptr<const Job> job, RunOptions options, bool is_regular,
                   std::shared_ptr<AskedRun> asked);
    Task<void> accompany();
    Task<void> follow_file();
    Task<void> follow_hangups();

    void reload(bool was_asked = false);  ///< who asked gets an answer, whatever it is
    void take_up(JobFile file);
    void set_job(const Job& job);
    JobWatches::Calls watch_calls();
    void set_times(const std::vector<std::string>& names);
    void stop_run(const std::string& name, const std::string& reason);
    std::shared_ptr<const Job> job_for_run(const std::string& name);
    Moment now() const;

    asio::any_io_executor executor_;
    JobFile file_;
    EngineOptions options_;
    EngineParts& parts_;
    EngineObserver& observer_;
    std::mt19937_64 dice_;
    Schedule schedule_;
    std::map<std::string, JobRun*> runs_;  ///< under way
    std::set<std::string> adopts_;         ///< jobs whose next run is to adopt
    std::vector<Diagnostic> told_errors_;  ///< of the last reload
    Event changed_;
    JobWatches watches_;
    EngineControl control_;
    Nursery* nursery_ = nullptr;
};

/// Leaves the jobs of `names`; all for no names.
void keep_jobs_named(JobFile& file, const std::vector<std::string>& names);

}  // namespace syncline
