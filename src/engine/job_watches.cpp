#include "engine/job_watches.hpp"

#include <utility>

namespace syncline {

JobWatches::JobWatches(const asio::any_io_executor& executor, WatchFunction make, Clock& clock, Calls calls)
    : executor_(executor), make_(std::move(make)), clock_(clock), calls_(std::move(calls)) {}

void JobWatches::set(const Job& job, Nursery& nursery) {
    remove(job.name);
    if (!wants(job)) return;
    JobWatch::Calls calls;
    calls.due = [this, name = job.name] { calls_.due(name); };
    calls.tell = [this, name = job.name](const WatchState& state) { calls_.tell(name, state); };
    calls.warn = calls_.warn;
    auto watch = std::make_shared<JobWatch>(executor_, job, make_, clock_, std::move(calls));
    watches_[job.name] = watch;
    nursery.spawn(JobWatch::serve(watch));
}

void JobWatches::remove(const std::string& name) {
    auto found = watches_.find(name);
    if (found == watches_.end()) return;
    found->second->stop();
    watches_.erase(found);
}

std::shared_ptr<JobWatch> JobWatches::find(const std::string& name) const {
    auto found = watches_.find(name);
    return found == watches_.end() ? nullptr : found->second;
}

}  // namespace syncline
