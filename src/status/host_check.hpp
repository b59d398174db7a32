// Host check: whether a request was meant for this server. A page of a foreign site that made its name point to
// 127.0.0.1 (DNS rebinding) still says its own name. Pure.
#pragma once

#include <string>
#include <string_view>

namespace syncline::status {

/// Whether `host`, a Host header, names this machine: localhost, 127.x.y.z or [::1], with any port, for a tunnel may
/// change that.
bool is_own_host(std::string_view host);

/// Whether `origin`, an Origin header, is a page that came from `host` itself over HTTP.
bool is_own_origin(std::string_view origin, std::string_view host);

}  // namespace syncline::status
