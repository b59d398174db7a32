#include "s3/times.hpp"

#include <array>
#include <ctime>
#include <string>

namespace syncline::s3 {
namespace {

TimeNs to_time(std::tm parts) { return static_cast<TimeNs>(::timegm(&parts)) * ns_per_second; }

/// Nanoseconds of ".123"; other things count nothing.
TimeNs fraction_ns(std::string_view text) {
    if (!text.starts_with('.')) return 0;
    TimeNs value = 0;
    TimeNs unit = ns_per_second;
    for (const char c : text.substr(1)) {
        if (c < '0' || c > '9') break;
        unit /= 10;
        value += unit * (c - '0');
    }
    return value;
}

}  // namespace

TimeNs parse_iso_time(std::string_view text) {
    std::tm parts{};
    const std::string copy(text);
    const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    return rest ? to_time(parts) + fraction_ns(rest) : 0;
}

/// strptime() would read the names of the months in the user's language.
TimeNs parse_http_time(std::string_view text) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() < 25 || text[3] != ',') return 0;
    std::tm parts{};
    const std::string copy(text.substr(5));
    const auto month = copy.substr(3, 3);
    const char* rest = ::strptime((copy.substr(0, 2) + copy.substr(6)).c_str(), "%d %Y %H:%M:%S", &parts);
    for (size_t i = 0; i < months.size(); ++i) {
        if (months[i] != month || !rest) continue;
        parts.tm_mon = static_cast<int>(i);
        return to_time(parts);
    }
    return 0;
}

}  // namespace syncline::s3
