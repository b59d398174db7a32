#include "engine/system_zone.hpp"

#include <ctime>

namespace syncline {

int64_t SystemZone::utc_offset_s(TimeNs instant) const {
    ::tzset();  // localtime_r need not notice that the zone was changed: localtime(3)
    std::time_t seconds = instant / ns_per_second - (instant % ns_per_second < 0 ? 1 : 0);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return parts.tm_gmtoff;
}

}  // namespace syncline
