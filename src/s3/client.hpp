// S3Client: one bucket of an S3-compatible store, in whole operations.
//
// Engine's thread only. It outlives every task that it gave out; to end one early, cancel it. Connections are kept and
// reused as long as it lives. Any number of operations may run at once: those beyond the (adaptive) concurrency wait
// their turn, and when the server says SlowDown all of them slow down. Every operation repeats what may be repeated,
// with jittered waits, and throws S3Error when that did not help, Cancelled when it was cancelled.
#pragma once

#include <asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "s3/body.hpp"
#include "s3/error.hpp"
#include "s3/lister.hpp"
#include "s3/object.hpp"
#include "s3/settings.hpp"

namespace syncline::s3 {

/// Limits that all stores have in common (the S3 documentation, "Amazon S3 multipart upload limits").
constexpr unsigned max_parts = 10'000;
constexpr uint64_t min_part_size = uint64_t{5} << 20;  ///< but for the last
constexpr size_t max_key_size = 1024;                  ///< bytes of UTF-8

/// For people and benchmarks.
struct ClientCounts {
    uint64_t requests = 0;  ///< sent, repeated ones included
    uint64_t repeated = 0;
    uint64_t throttled = 0;    ///< answered with SlowDown or alike
    uint64_t connections = 0;  ///< that were made
};

class S3Client {
  public:
    /// `settings` are resolved here; throws what resolve() throws. No request is sent yet.
    S3Client(const asio::any_io_executor& executor, S3Settings settings, Pacer pacer = {});
    ~S3Client();
    S3Client(const S3Client&) = delete;
    S3Client& operator=(const S3Client&) = delete;

    const S3Settings& settings() const;

    /// All keys that begin with `prefix`, or with a delimiter ("/") the keys and prefixes of one level.
    Lister list(std::string prefix, std::string delimiter = "");

    /// nullopt: there is no such object. (A missing bucket is found out by a listing: a HEAD's 404 cannot tell.)
    Task<std::optional<ObjectHead>> head(std::string key);

    /// The object, or a range of it, into `sink`; what is taken up after a broken connection is the same object or an
    /// S3Error (precondition). A missing object is an S3Error (no_key). Returns what was read.
    Task<ObjectHead> get(GetRequest request, BodySink& sink);

    /// The ETag. The server checked the digests, or it is an S3Error (digest).
    Task<std::string> put(PutRequest request);

    /// Begins a multipart upload whose object will have this type and metadata (the payload is not looked at); its id.
    Task<std::string> create_upload(PutRequest request);
    /// Sends one part, from min_part_size on (the last may be smaller); any number at once.
    Task<UploadedPart> upload_part(std::string key, std::string upload_id, unsigned number, Payload payload);
    /// Makes the object of `parts`, sorted by number; its ETag, which may be "". A 200 with an error in it is an error.
    /// An answer that got lost is made up for by looking at the object.
    Task<std::string> complete_upload(std::string key, std::string upload_id, std::vector<UploadedPart> parts);
    /// An upload that is gone already is no error.
    Task<void> abort_upload(std::string key, std::string upload_id);
    /// All pending uploads below `prefix`; their number is small, they come at once.
    Task<std::vector<PendingUpload>> list_uploads(std::string prefix);
    /// What the server has of an upload; an S3Error (no_key) when it knows no such upload.
    Task<std::vector<UploadedPart>> list_parts(std::string key, std::string upload_id);

    /// Removes `keys`, 1,000 a request; one by one where the store has no DeleteObjects or XML cannot hold the name.
    /// What is gone already counts as removed. Returns those that still stand.
    Task<std::vector<DeleteFailure>> delete_many(std::vector<std::string> keys);

    /// Asks for one key at most: whether the bucket is there and may be listed. Throws what is wrong,
    /// soon.
    Task<void> check_access();
    /// All buckets that the key may see.
    Task<std::vector<BucketName>> list_buckets();
    /// Makes the bucket; one's own that is there already is no error.
    Task<void> create_bucket();

    /// The server's clock minus this machine's at the last answer that had a Date, in ms; nullopt before one.
    std::optional<Duration> clock_offset() const;
    ClientCounts counts() const;

  private:
    std::unique_ptr<ClientImpl> impl_;
};

}  // namespace syncline::s3
