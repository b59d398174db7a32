// Units: durations, byte counts and points in time, as the job file writes them and as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

using Duration = std::chrono::milliseconds;

/// Nanoseconds since 1970-01-01 UTC; negative before it. The unit of all file times.
using TimeNs = int64_t;
constexpr TimeNs ns_per_second = 1'000'000'000;

/// Reads `30s 45m 12h 30d 2w` or a bare number of minutes; a fraction is not accepted. nullopt when it is malformed,
/// zero, negative or does not fit in 100 years.
std::optional<Duration> parse_duration(std::string_view text);

/// Reads `512 B`, `10 KiB`, `20 MiB`, `1 GiB`, `1 TiB` (space optional, also kB MB GB TB in powers of 1000). nullopt
/// when it is malformed, zero, negative, without a unit, or overflows.
std::optional<uint64_t> parse_byte_count(std::string_view text);

/// "1.5 s", "2 min 5 s", "3 h 12 min", "4 d": for people.
std::string format_duration(Duration duration);

/// "512 B", "1.5 KiB", "20.0 MiB": for people.
std::string format_byte_count(uint64_t bytes);

/// RFC 3339 UTC with milliseconds: "2026-01-31T12:00:00.000Z".
std::string format_time(TimeNs time);

/// The wall clock. Only code outside core/ may call it.
TimeNs wall_clock_now();

}  // namespace syncline
