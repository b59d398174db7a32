// The SHA-256 of a short text: of a job file, or of a path that becomes part of a name.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

/// 64 lower-case hex digits.
std::string text_digest(std::string_view text);

}  // namespace syncline
