#include "base/units.hpp"

#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace syncline {
namespace {

/// Splits "20 MiB" into 20 and "MiB"; nullopt when it does not begin with a whole number over zero.
std::optional<std::pair<uint64_t, std::string_view>> split_number(std::string_view text) {
    uint64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number == 0) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return std::pair{number, text};
}

uint64_t duration_unit_ms(std::string_view unit) {
    constexpr uint64_t second = 1000;
    if (unit == "s") return second;
    if (unit.empty() || unit == "m") return 60 * second;
    if (unit == "h") return 3600 * second;
    if (unit == "d") return 24 * 3600 * second;
    if (unit == "w") return 7 * 24 * 3600 * second;
    return 0;
}

uint64_t byte_unit(std::string_view unit) {
    static constexpr std::pair<std::string_view, uint64_t> units[] = {
        {"B", 1},
        {"KiB", 1ULL << 10},
        {"MiB", 1ULL << 20},
        {"GiB", 1ULL << 30},
        {"TiB", 1ULL << 40},
        {"kB", 1000},
        {"KB", 1000},
        {"MB", 1000ULL * 1000},
        {"GB", 1000ULL * 1000000},
        {"TB", 1000000ULL * 1000000},
    };
    for (auto [name, factor] : units) {
        if (unit == name) return factor;
    }
    return 0;
}

std::string print(const char* format, double value) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, format, value);
    return buffer;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    constexpr uint64_t hundred_years_ms = 100ULL * 366 * 24 * 3600 * 1000;
    auto parts = split_number(text);
    if (!parts) return std::nullopt;
    uint64_t unit = duration_unit_ms(parts->second);
    if (unit == 0 || parts->first > hundred_years_ms / unit) return std::nullopt;
    return Duration(static_cast<int64_t>(parts->first * unit));
}

std::optional<uint64_t> parse_byte_count(std::string_view text) {
    auto parts = split_number(text);
    if (!parts) return std::nullopt;
    std::string_view unit_name = parts->second;
    if (unit_name.starts_with(' ')) unit_name.remove_prefix(1);
    uint64_t unit = byte_unit(unit_name);
    if (unit == 0 || parts->first > static_cast<uint64_t>(INT64_MAX) / unit) return std::nullopt;
    return parts->first * unit;
}

std::string format_duration(Duration duration) {
    int64_t ms = duration.count();
    if (ms < 1000) return std::to_string(ms) + " ms";
    if (ms < 60'000) return print("%.1f s", static_cast<double>(ms) / 1000);
    int64_t minutes = ms / 60'000;
    if (minutes < 60) return std::to_string(minutes) + " min " + std::to_string(ms / 1000 % 60) + " s";
    if (minutes < 24 * 60) return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
    int64_t hours = minutes / 60 % 24;
    std::string days = std::to_string(minutes / (24 * 60)) + " d";
    return hours == 0 ? days : days + " " + std::to_string(hours) + " h";
}

std::string format_byte_count(uint64_t bytes) {
    static constexpr const char* formats[] = {"%.1f KiB", "%.1f MiB", "%.1f GiB", "%.1f TiB"};
    if (bytes < 1024) return std::to_string(bytes) + " B";
    double value = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < std::size(formats)) {
        value /= 1024;
        ++unit;
    }
    return print(formats[unit], value);
}

std::string format_time(TimeNs time) {
    int64_t seconds = time / ns_per_second;
    int64_t rest = time % ns_per_second;
    if (rest < 0) {
        rest += ns_per_second;
        --seconds;
    }
    std::time_t whole = seconds;
    std::tm parts{};
    ::gmtime_r(&whole, &parts);
    char date[40];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    char out[64];
    std::snprintf(out, sizeof out, "%s.%03dZ", date, static_cast<int>(rest / 1'000'000));
    return out;
}

TimeNs wall_clock_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * ns_per_second + now.tv_nsec;
}

}  // namespace syncline
