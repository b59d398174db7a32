// UploadRecord: what is remembered of a large file that is sent to a bucket in parts, so that a run can go on with it.
#pragma once

#include <cstdint>
#include <string>

#include "base/digest.hpp"
#include "base/units.hpp"

namespace syncline {

struct UploadRecord {
    std::string id;    ///< the server's
    std::string path;  ///< relative to the root
    Digest digest;     ///< of the content that it is of
    uint64_t size = 0, part_bytes = 0;
    TimeNs begun_at = 0;
};

/// A part that the server has.
struct UploadPartRecord {
    unsigned number = 0;  ///< from 1
    std::string etag;
    std::string sum;  ///< of what was sent: its SHA-256, raw
};

}  // namespace syncline
