// ObjectFacts: what an object's metadata tells of a file beside its content. Pure.
//
// As headers: x-amz-meta-sha256 (hex), x-amz-meta-mode (octal), x-amz-meta-mtime (seconds and a fraction, as rclone has
// it) and, for a symlink, x-amz-meta-symlink-target, percent-encoded and in pieces of 256 bytes (-2, -3 ...), as some
// servers take no longer values. A symlink's content is a line with the digest of its target: so it is known by its
// size as something to be looked at, and another target gives it another ETag.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "base/units.hpp"

namespace syncline {

struct ObjectFacts {
    std::optional<Digest> sha256;
    std::optional<uint16_t> mode;  ///< 07777
    std::optional<TimeNs> mtime;
    std::optional<std::string> link;  ///< a symlink's target
    std::string md5;                  ///< 16 raw bytes, as rclone keeps it for what it sends in parts; or ""

    bool operator==(const ObjectFacts&) const = default;
};

/// Names without "x-amz-meta-".
using ObjectMetadata = std::map<std::string, std::string>;

/// nullopt when a symlink's target is too long to be kept.
std::optional<ObjectMetadata> write_metadata(const ObjectFacts& facts);

/// What is malformed is left out. `_` counts as `-`, and letters of either case as the same.
ObjectFacts read_metadata(const ObjectMetadata& metadata);

/// The content of the object that stands for a symlink whose target has this digest; always `link_body_size` bytes.
std::string link_body(const Digest& sha256_of_target);
inline constexpr uint64_t link_body_size = 82;

/// "1700000000.000000001", and "-1.500000000" for one and a half seconds before 1970.
std::string format_mtime(TimeNs time);
std::optional<TimeNs> parse_mtime(std::string_view text);

}  // namespace syncline
