#include "s3/headers.hpp"

#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "s3/client.hpp"
#include "s3/times.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

constexpr std::string_view metadata_prefix = "x-amz-meta-";

[[noreturn]] void refuse(const S3Settings& settings, const std::string& key, const std::string& why) {
    throw S3Error(Failure::refused,
                  "bucket '" + settings.name + "': cannot write '" + escape(key) + "': " + why + "; rename the file",
                  {}, settings.bucket, key);
}

bool is_name(std::string_view name) {
    auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !name.empty() && std::all_of(name.begin(), name.end(), fits);
}

/// What a signature changes in a value would not arrive.
bool is_value(std::string_view value) {
    auto fits = [](char c) { return c >= 0x20 && c < 0x7f; };
    return !value.empty() && std::all_of(value.begin(), value.end(), fits) && value.front() != ' ' &&
           value.back() != ' ' && value.find("  ") == std::string_view::npos;
}

}  // namespace

std::vector<std::string> object_headers(const S3Settings& settings, const PutRequest& request) {
    if (request.key.empty()) refuse(settings, request.key, "it has no name");
    if (request.key.size() > max_key_size) refuse(settings, request.key, "its key has more than 1,024 bytes");
    std::vector<std::string> headers;
    headers.push_back("Content-Type: " +
                      (request.content_type.empty() ? "application/octet-stream" : request.content_type));
    // libcurl 7.88 sorts whole lines for the signature: of two names, one of which begins with the other, the wrong one
    // would come first.
    const std::string* before = nullptr;
    for (const auto& [name, value] : request.metadata) {
        if (!is_name(name) || !is_value(value))
            refuse(settings, request.key, "its metadata '" + name + "' cannot be carried");
        if (before && name.starts_with(*before))
            refuse(settings, request.key, "its metadata '" + name + "' cannot be signed");
        headers.push_back(std::string(metadata_prefix) + name + ": " + value);
        before = &name;
    }
    if (!request.if_match.empty()) headers.push_back("If-Match: \"" + request.if_match + "\"");
    if (request.if_none_match) headers.emplace_back("If-None-Match: *");
    return headers;
}

std::optional<uint64_t> read_number(std::string_view text) {
    uint64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<ContentRange> read_content_range(std::string_view text) {
    if (!text.starts_with("bytes ")) return std::nullopt;
    text.remove_prefix(6);
    const auto dash = text.find('-');
    const auto slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos) return std::nullopt;
    const auto first = read_number(text.substr(0, dash));
    const auto whole = read_number(text.substr(slash + 1));
    if (!first || !whole) return std::nullopt;
    return ContentRange{*first, *whole};
}

ObjectHead read_head(const HttpResponse& response) {
    ObjectHead head;
    const auto range = read_content_range(response.header("content-range"));
    head.size = range ? range->whole : read_number(response.header("content-length")).value_or(0);
    head.etag = plain_etag(response.header("etag"));
    head.last_modified = parse_http_time(response.header("last-modified"));
    head.content_type = response.header("content-type");
    for (const auto& [name, value] : response.headers) {
        if (name.starts_with(metadata_prefix)) head.metadata.emplace(name.substr(metadata_prefix.size()), value);
    }
    return head;
}

}  // namespace syncline::s3
