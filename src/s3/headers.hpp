// The headers of an object, written for a put and read from an answer. Pure.
#pragma once

#include <string>
#include <vector>

#include "s3/object.hpp"
#include "s3/settings.hpp"
#include "s3/transport.hpp"

namespace syncline::s3 {

/// Content-Type, x-amz-meta-* and the conditions. Throws S3Error (refused) for metadata that cannot be signed and
/// carried as it is: a name that is not of a-z 0-9 -, or that another one begins with; a value that is not printable
/// ASCII, or has blanks at an end or two in a row; a key of no or more than max_key_size bytes.
std::vector<std::string> object_headers(const S3Settings& settings, const PutRequest& request);

ObjectHead read_head(const HttpResponse& response);

/// The first byte and the whole size of a Content-Range ("bytes 5-9/100"); nullopt when malformed.
struct ContentRange {
    uint64_t first = 0, whole = 0;
};
std::optional<ContentRange> read_content_range(std::string_view text);

/// nullopt when it is no number.
std::optional<uint64_t> read_number(std::string_view text);

}  // namespace syncline::s3
