// SystemZone: the time zone of this process (TZ, else /etc/localtime). Without state; any thread.
#pragma once

#include "core/local_time.hpp"

namespace syncline {

class SystemZone final : public LocalTime {
  public:
    int64_t utc_offset_s(TimeNs instant) const override;
};

}  // namespace syncline
