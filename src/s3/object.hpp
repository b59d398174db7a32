// What a bucket holds, as values. Keys are raw bytes (decoded), ETags are without their quotes, times are UTC.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.hpp"
#include "base/units.hpp"

namespace syncline::s3 {

struct ListedObject {
    std::string key;
    uint64_t size = 0;
    std::string etag;          ///< "" when the server gave none
    TimeNs last_modified = 0;  ///< 0 when the server gave none
};

struct ListPage {
    std::vector<ListedObject> objects;  ///< ascending by the bytes of the key
    std::vector<std::string>
        prefixes;  ///< with a delimiter: what stands for all that is below it, the delimiter included
};

/// Names of user metadata are lower case, without "x-amz-meta-"; `_` may come back as `-`.
using Metadata = std::map<std::string, std::string>;

struct ObjectHead {
    uint64_t size = 0;  ///< of the whole object, also where a range was asked for
    std::string etag;
    TimeNs last_modified = 0;  ///< whole seconds
    std::string content_type;
    Metadata metadata;
};

/// The content of one put or part: bytes in memory and their digests, so that every attempt sends the same. The bytes
/// belong to the caller and outlive the call.
struct Payload {
    Payload() = default;
    /// Computes both digests; for short bodies. Long ones are hashed by a worker, which fills this in.
    explicit Payload(std::string_view content);
    Payload(std::string_view content, const Digest& sha256_of_it, const std::string& md5_of_it)
        : bytes(content), sha256(sha256_of_it), md5(md5_of_it) {}

    std::string_view bytes;
    Digest sha256;    ///< goes into the signature: a server that got other bytes refuses them
    std::string md5;  ///< 16 raw bytes: Content-MD5. "": not sent
};

struct PutRequest {
    PutRequest() = default;
    PutRequest(std::string object_key, const Payload& content) : key(std::move(object_key)), payload(content) {}

    std::string key;
    Payload payload;
    std::string content_type;  ///< "": application/octet-stream
    Metadata metadata;         ///< names a-z 0-9 -, values printable ASCII: what else is there must be encoded
    std::string if_match;      ///< an ETag: only over this object. Not every store obeys; some answer 501 (unsupported)
    bool if_none_match = false;  ///< only where nothing is
};

struct GetRequest {
    GetRequest() = default;
    explicit GetRequest(std::string object_key) : key(std::move(object_key)) {}
    GetRequest(std::string object_key, uint64_t from, uint64_t count)
        : key(std::move(object_key)), offset(from), length(count) {}

    std::string key;
    uint64_t offset = 0;
    uint64_t length = 0;   ///< 0: to the end
    std::string if_match;  ///< an ETag: another object is an S3Error (precondition)
    /// The object is known to have so many bytes: not one more is taken, whatever comes. None: whatever it has.
    std::optional<uint64_t> size{};
};

struct UploadedPart {
    unsigned number = 0;  ///< from 1 to 10,000
    std::string etag;
    uint64_t size = 0;  ///< filled in by list_parts()
};

struct PendingUpload {
    std::string key, id;
    TimeNs initiated = 0;
};

struct BucketName {
    std::string name;
    TimeNs created = 0;
};

/// What could not be removed.
struct DeleteFailure {
    std::string key;
    std::string code;  ///< S3's
    std::string why;   ///< a sentence
};

/// Whether `etag` has the form of an MD5: 32 hex digits, and no part count. It may still be none (encrypted objects).
bool may_be_md5(std::string_view etag);

/// The ETag that a multipart object gets whose parts have these ETags, where they are MD5s: "HEX-COUNT"; "" otherwise.
std::string multipart_etag(const std::vector<UploadedPart>& parts);

/// 16 raw bytes.
std::string md5_of(std::string_view bytes);
Digest sha256_of(std::string_view bytes);

}  // namespace syncline::s3
