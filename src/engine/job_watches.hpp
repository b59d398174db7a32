// JobWatches: the watchers of all jobs of an engine that have `watch = true`. Engine's thread; owned by the service.
#pragma once

#include <asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "async/nursery.hpp"
#include "engine/job_watch.hpp"

namespace syncline {

class JobWatches {
  public:
    struct Calls {
        std::function<void(const std::string& job)> due;
        std::function<void(const std::string& job, const WatchState&)> tell;
        std::function<void(const std::string&)> warn;
    };

    /// Without `make` there are no watchers at all. `clock` outlives it.
    JobWatches(const asio::any_io_executor& executor, WatchFunction make, Clock& clock, Calls calls);

    /// Whether `job` gets a watcher, which then says when it is to run first.
    bool wants(const Job& job) const { return job.watch && make_ != nullptr; }
    /// Begins to watch `job` where it wants that; a watcher that it had ends. The nursery outlives the watching.
    void set(const Job& job, Nursery& nursery);
    void remove(const std::string& name);
    /// Null when the job has none.
    std::shared_ptr<JobWatch> find(const std::string& name) const;

  private:
    asio::any_io_executor executor_;
    WatchFunction make_;
    Clock& clock_;
    Calls calls_;
    std::map<std::string, std::shared_ptr<JobWatch>> watches_;
};

}  // namespace syncline
