// The two ways in which servers write times. Pure.
#pragma once

#include <string_view>

#include "base/units.hpp"

namespace syncline::s3 {

/// "2026-01-31T12:00:00.000Z", with or without a fraction; 0 for anything else.
TimeNs parse_iso_time(std::string_view text);
/// "Sat, 31 Jan 2026 12:00:00 GMT" (RFC 9110); 0 for anything else.
TimeNs parse_http_time(std::string_view text);

}  // namespace syncline::s3
