// Clock: what time it is, and sleeping. The engine gets one so that tests can turn its hands (manual_clock.hpp).
#pragma once

#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline {

class Clock {
  public:
    virtual ~Clock() = default;

    /// The wall clock, which somebody may set.
    virtual TimeNs wall_now() const = 0;

    /// Only ever goes forward, in suspend too. Its zero means nothing.
    virtual TimeNs steady_now() const = 0;

    /// Sleeps until `deadline` on the steady clock. Returns early when the wall clock was set or the machine woke up,
    /// and at times for no reason: the caller looks at both clocks again.
    virtual Task<void> sleep_until(TimeNs deadline) = 0;
};

/// CLOCK_REALTIME and CLOCK_BOOTTIME.
class SystemClock final : public Clock {
  public:
    TimeNs wall_now() const override;
    TimeNs steady_now() const override;
    Task<void> sleep_until(TimeNs deadline) override;
};

}  // namespace syncline
