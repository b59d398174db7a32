// Service manager: tells systemd how the engine is (sd_notify(3)), by hand: one datagram a message.
#pragma once

#include <optional>
#include <string>

#include "base/units.hpp"

namespace syncline::cli {

/// Sends `state` ("READY=1") to $NOTIFY_SOCKET. Nothing happens where there is none: the engine may run anywhere.
void tell_service_manager(const std::string& state);

/// How often systemd wants to hear WATCHDOG=1 of this process ($WATCHDOG_USEC, $WATCHDOG_PID); nullopt: not at all.
std::optional<Duration> watchdog_interval();

}  // namespace syncline::cli
