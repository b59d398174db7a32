// LargeObject: one large object on its way into a file: ranges, several at once, written by workers and hashed in the
// object's order while the others come. FileBody: a body into a file. Engine's thread.
#pragma once

#include <string>
#include <vector>

#include "async/event.hpp"
#include "endpoint/bucket_means.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline {

/// Larger objects come in ranges of so many bytes.
inline constexpr uint64_t bucket_range_bytes = uint64_t{8} << 20;

/// Writes all of `bytes` at an offset of a file. Throws Error.
void write_whole(int file, std::string_view bytes, uint64_t offset);

/// Writes what comes from an offset of a file on; with workers, on one of them.
class FileBody final : public s3::BodySink {
  public:
    /// All outlive it; `workers` may be null.
    FileBody(int file, uint64_t offset, WorkerPool* workers, Progress& progress)
        : file_(file), offset_(offset), workers_(workers), progress_(progress) {}

    Task<void> take(std::string_view bytes) override;

  private:
    void write(std::string_view bytes);

    int file_;
    uint64_t offset_;
    WorkerPool* workers_;
    Progress& progress_;
};

class LargeObject {
  public:
    /// All outlive it. `size` is what the listing saw.
    LargeObject(const asio::any_io_executor& executor, BucketMeans means, std::string key, uint64_t size, int file,
                Progress& progress);

    /// Brings it, as long as it is the one with this ETag ("": whichever it is); another size ends it early.
    Task<s3::ObjectHead> receive(std::string etag);
    /// Of all that came: of the size that was seen, or of less.
    const ContentSums& sums() const { return sums_; }

  private:
    Task<void> receive_range(size_t index);
    Task<void> hash(bool with_md5);
    size_t ranges() const { return came_.size(); }

    BucketMeans means_;
    std::string key_, etag_;
    uint64_t size_;
    int file_;
    Progress& progress_;
    s3::ObjectHead head_;
    std::vector<bool> came_;  ///< by range
    Event came_some_;
    ContentSums sums_;
};

}  // namespace syncline
