// The XML that S3 speaks, read and written (the S3 API reference). Pure; believes nothing: what is malformed is
// nullopt.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3/error.hpp"
#include "s3/object.hpp"

namespace syncline::s3 {

/// Code, message, request id and region of an <Error>; nullopt for anything else (HTML, nothing, another document).
std::optional<Answer> read_error(std::string_view text);

struct ListDocument {
    ListPage page;
    bool truncated = false;
    std::string token;                ///< NextContinuationToken
    std::optional<size_t> key_count;  ///< what the server says it sent
};
/// Of ListObjectsV2, with or without encoding-type=url, as the document itself says.
std::optional<ListDocument> read_list(std::string text);

struct UploadsDocument {
    std::vector<PendingUpload> uploads;
    bool truncated = false;
    std::string key_marker, id_marker;
};
std::optional<UploadsDocument> read_uploads(std::string_view text);

struct PartsDocument {
    std::vector<UploadedPart> parts;
    bool truncated = false;
    std::string marker;
};
std::optional<PartsDocument> read_parts(std::string_view text);

/// The UploadId of an InitiateMultipartUploadResult.
std::optional<std::string> read_upload_id(std::string_view text);
/// The ETag of a CompleteMultipartUploadResult, which may be "".
std::optional<std::string> read_completed(std::string_view text);
std::optional<std::vector<DeleteFailure>> read_deleted(std::string_view text);
std::optional<std::vector<BucketName>> read_buckets(std::string_view text);

/// Without its quotes, weak or not, which some servers leave out or write as &quot;.
std::string plain_etag(std::string_view etag);

/// Whether XML 1.0 can hold this key: well-formed UTF-8 without control characters but tab and line ends.
bool fits_xml(std::string_view key);
std::string write_delete(const std::vector<std::string>& keys);
std::string write_complete(const std::vector<UploadedPart>& parts);

}  // namespace syncline::s3
