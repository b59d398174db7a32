// Local wall-clock times: when does "03:00" or "Mon 12:30" come next? Pure: the time zone is asked through LocalTime.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.hpp"

namespace syncline {

/// The time zone of this machine.
class LocalTime {
  public:
    virtual ~LocalTime() = default;
    /// Seconds by which local time is ahead of UTC at `instant`.
    virtual int64_t utc_offset_s(TimeNs instant) const = 0;
};

/// A time of day, on every day or on one weekday (0 is Sunday).
struct CalendarTime {
    std::optional<int> weekday;
    int hour = 0;
    int minute = 0;

    bool operator==(const CalendarTime&) const = default;
};

/// The first instant after `after` at which one of `times` comes; nullopt when there are none. A time that a change of
/// the clocks skips comes at the first instant after the gap; one that is shown twice comes the first time only.
std::optional<TimeNs> next_occurrence(const std::vector<CalendarTime>& times, TimeNs after, const LocalTime& zone);

}  // namespace syncline
