// HttpRequest: the head of an HTTP/1.x request, as far as the status endpoint needs it. Pure; nothing is believed that
// RFC 9112 forbids.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::status {

struct HttpRequest {
    std::string method, path;  ///< the path with its %XX decoded, without the query
    std::vector<std::pair<std::string, std::string>> headers;

    /// Of every header of that name, whatever its case, in order.
    std::vector<std::string> values_of(std::string_view name) const;
};

/// `head` is what stands before the empty line that ends it. nullopt when it is no HTTP/1.0 or 1.1 request.
std::optional<HttpRequest> parse_http_request(std::string_view head);

}  // namespace syncline::status
