#include "status/publication.hpp"

#include <utility>

namespace syncline::status {

void Publication::publish(Snapshot snapshot) {
    // What it replaces is taken apart outside the lock.
    std::shared_ptr<const Snapshot> replaced;
    {
        std::lock_guard lock(mutex_);
        snapshot.sequence = latest_->sequence + 1;
        replaced = std::exchange(latest_, std::make_shared<const Snapshot>(std::move(snapshot)));
    }
    changed_.notify_all();
}

std::shared_ptr<const Snapshot> Publication::latest() const {
    std::lock_guard lock(mutex_);
    return latest_;
}

std::shared_ptr<const Snapshot> Publication::wait_for_newer(uint64_t sequence, Duration limit) const {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return ended_ || latest_->sequence > sequence; });
    return ended_ || latest_->sequence <= sequence ? nullptr : latest_;
}

void Publication::end() {
    {
        std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_all();
}

bool Publication::has_ended() const {
    std::lock_guard lock(mutex_);
    return ended_;
}

}  // namespace syncline::status
