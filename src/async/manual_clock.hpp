// ManualClock: time for tests. It moves only when told to; sleepers that are due then become ready, in order of their
// deadlines.
#pragma once

#include <optional>
#include <vector>

#include "async/clock.hpp"
#include "async/event.hpp"

namespace syncline {

class ManualClock final : public Clock {
  public:
    explicit ManualClock(TimeNs wall) : wall_(wall) {}

    TimeNs wall_now() const override { return wall_; }
    TimeNs steady_now() const override { return steady_; }
    Task<void> sleep_until(TimeNs deadline) override;

    /// Lets time pass, as in suspend when it is much.
    void advance(Duration duration);

    /// Somebody sets the wall clock; every sleeper wakes.
    void jump_wall(Duration offset);

    /// When the next sleeper is due; nullopt when none sleeps.
    std::optional<TimeNs> next_deadline() const;

  private:
    struct Sleeper {
        TimeNs deadline;
        Event* wake;
    };
    struct Sleep;

    TimeNs wall_;
    TimeNs steady_ = 0;
    std::vector<Sleeper> sleepers_;
};

}  // namespace syncline
