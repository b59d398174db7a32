// BucketMeans: what every operation on a bucket works with; all of it outlives them. for_each_index: many of them at
// once.
#pragma once

#include <functional>
#include <memory>

#include "async/offload.hpp"
#include "async/task.hpp"
#include "endpoint/bucket_keys.hpp"
#include "s3/client.hpp"

namespace syncline {

/// One bucket, shared by all endpoints that work in it.
struct BucketClient {
    BucketClient(const asio::any_io_executor& executor, s3::S3Settings settings, s3::Pacer pacer)
        : s3(executor, std::move(settings), std::move(pacer)) {}

    s3::S3Client s3;
    /// Conditional puts that the store refuses whatever stands there, so that it is looked at before. Some do not know
    /// If-Match, or not their own ETag in it.
    bool has_no_if_match = false, has_no_if_none_match = false;
};

class BucketMeans {
  public:
    BucketMeans(BucketClient& bucket_client, const BucketKeys& bucket_keys, WorkerPool& worker_pool)
        : client(bucket_client), s3(bucket_client.s3), keys(bucket_keys), workers(worker_pool) {}

    BucketClient& client;
    s3::S3Client& s3;
    const BucketKeys& keys;
    WorkerPool& workers;
};

/// Requests under way at once; the client itself has fewer when the server asks for that.
inline constexpr size_t bucket_lanes = 32;

using IndexedWork = std::function<Task<void>(size_t index)>;

/// Runs `work` for each index below `count`, at most `lanes` at once, beginning in order. The first failure cancels the
/// rest and is rethrown.
Task<void> for_each_index(size_t count, size_t lanes, const IndexedWork& work);

/// A sentence without the run's context, for an item's error.
std::string error_of(const s3::S3Error& error);

}  // namespace syncline
