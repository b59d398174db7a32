// URI encoding as Signature V4 wants it: everything but A-Z a-z 0-9 - . _ ~ as %XX, upper case. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace syncline::s3 {

std::string uri_encode(std::string_view bytes);
/// The same, but for "/".
std::string uri_encode_path(std::string_view bytes);
/// What encoding-type=url made: %XX and "+" for a space. Anything else stays.
std::string uri_decode(std::string_view text);

/// Sorted by name, as it is signed.
using Query = std::map<std::string, std::string>;
/// "a=1&b=" ; "" for none.
std::string query_text(const Query& query);

}  // namespace syncline::s3
