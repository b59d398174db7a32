// Publication: hands the newest snapshot from the engine's thread to all others. Outlives its readers.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/units.hpp"
#include "status/snapshot.hpp"

namespace syncline::status {

class Publication {
  public:
    Publication() : latest_(std::make_shared<const Snapshot>()) {}

    /// Replaces the newest one. Takes its sequence number.
    void publish(Snapshot snapshot);

    /// Never null; an empty one before the first is published.
    std::shared_ptr<const Snapshot> latest() const;

    /// Waits until one is there that is newer than `sequence`, or until `limit` is over or the publication has ended:
    /// then null.
    std::shared_ptr<const Snapshot> wait_for_newer(uint64_t sequence, Duration limit) const;

    /// No reader waits from here on.
    void end();
    bool has_ended() const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::shared_ptr<const Snapshot> latest_;
    bool ended_ = false;
};

}  // namespace syncline::status
