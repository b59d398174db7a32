// ArchiveUpload: a stream of bytes whose end is not known yet, sent as one object in parts, several at once. Memory is
// bounded; nothing is visible before finish(). The journal knows of it as long as it is not the tree's archive, so that
// nothing stays behind. Engine's thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/nursery.hpp"
#include "async/semaphore.hpp"
#include "endpoint/bucket_means.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline {

/// Gives an archive's bytes.
class ArchiveSource {
  public:
    virtual ~ArchiveSource() = default;
    /// Appends some to `out`; false when there are no more.
    virtual Task<bool> fill(std::string& out) = 0;
};

class ArchiveUpload {
  public:
    /// All outlive it; `uploads` may be null. `name` is the archive's, `most_bytes` about what it may come to.
    ArchiveUpload(const asio::any_io_executor& executor, BucketMeans means, UploadJournal* uploads, std::string name,
                  uint64_t most_bytes);

    const std::string& name() const { return name_; }

    Task<void> begin();
    /// Sends what `source` gives to its end; what fills no part waits for the next call.
    Task<void> send(ArchiveSource& source);
    /// Sends the rest and makes the object.
    Task<s3::ObjectHead> finish();

  private:
    Task<void> send_parts(ArchiveSource& source, Nursery& nursery);
    Task<void> send_part(std::string bytes, unsigned number, Semaphore::Permit permit);
    Task<void> send_bytes(std::string bytes, unsigned number);
    std::string cut_part(size_t bytes);

    BucketMeans means_;
    UploadJournal* uploads_;
    std::string name_, key_, id_;
    uint64_t part_bytes_;
    std::string rest_;  ///< that is in no part yet
    unsigned next_number_ = 1;
    uint64_t sent_bytes_ = 0;
    std::map<unsigned, s3::UploadedPart> parts_;
    Semaphore places_;
};

}  // namespace syncline
