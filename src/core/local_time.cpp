#include "core/local_time.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr int64_t seconds_per_day = 24 * 3600;

int64_t floor_divide(int64_t value, int64_t divisor) { return value / divisor - (value % divisor < 0 ? 1 : 0); }

int64_t offset_at(const LocalTime& zone, int64_t utc_s) { return zone.utc_offset_s(utc_s * ns_per_second); }

/// The first second in (low, high] that has the offset of `high`. There is one change of the clocks between them.
int64_t find_change(const LocalTime& zone, int64_t low, int64_t high) {
    int64_t offset_before = offset_at(zone, low);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        (offset_at(zone, middle) == offset_before ? low : high) = middle;
    }
    return high;
}

/// The first second at which a local clock shows `local_s` (counted as if local time were UTC) or more.
int64_t first_second_showing(const LocalTime& zone, int64_t local_s) {
    // Far enough to be on both sides of a change near `local_s`, whatever the offset; zones change twice a year, not
    // twice a day.
    int64_t low = local_s - 36 * 3600;
    int64_t high = local_s + 36 * 3600;
    int64_t by_old = local_s - offset_at(zone, low);
    int64_t by_new = local_s - offset_at(zone, high);
    if (by_old == by_new) return by_old;
    int64_t change = find_change(zone, low, high);
    if (by_old < change) return by_old;
    return std::max(by_new,
                    change);  // Before the change, the new offset's answer lies in the gap that the change makes.
}

/// Day 0 is 1970-01-01, a Thursday.
int weekday_of(int64_t day) { return static_cast<int>(((day + 4) % 7 + 7) % 7); }

TimeNs next_of(const CalendarTime& time, TimeNs after, const LocalTime& zone) {
    int64_t local_s = floor_divide(after, ns_per_second) + zone.utc_offset_s(after);
    // Yesterday's time may be yet to come when a change skipped the rest of yesterday.
    for (int64_t day = floor_divide(local_s, seconds_per_day) - 1;; ++day) {
        if (time.weekday && *time.weekday != weekday_of(day)) continue;
        int64_t shown_s = day * seconds_per_day + time.hour * 3600 + time.minute * 60;
        TimeNs instant = first_second_showing(zone, shown_s) * ns_per_second;
        if (instant > after) return instant;
    }
}

}  // namespace

std::optional<TimeNs> next_occurrence(const std::vector<CalendarTime>& times, TimeNs after, const LocalTime& zone) {
    std::optional<TimeNs> first;
    for (const auto& time : times) {
        TimeNs instant = next_of(time, after, zone);
        if (!first || instant < *first) first = instant;
    }
    return first;
}

}  // namespace syncline
