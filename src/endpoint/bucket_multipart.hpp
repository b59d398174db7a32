// MultipartUpload: one large file, sent in parts, several at once.
//
// Everything is hashed before anything is sent, so that the object tells its digest, every part is checked by the
// server against what was hashed, and what an earlier run sent is known again: its upload is gone on with where the
// journal has it. Until the last request nothing is visible. Engine's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "endpoint/bucket_put.hpp"
#include "endpoint/bucket_sums.hpp"
#include "fs/fd.hpp"

namespace syncline {

class MultipartUpload {
  public:
    /// All outlive it; `uploads` may be null.
    MultipartUpload(BucketMeans means, ObjectPutter& putter, ContentSource content, UploadJournal* uploads,
                    Progress& progress)
        : means_(means), putter_(putter), content_(content), uploads_(uploads), progress_(progress) {}

    /// Fills in the item's results. What ends the whole run is thrown, and the upload stays for the next one.
    Task<void> send(CommitItem& item);

  private:
    enum class Outcome : uint8_t { done, changed, failed };

    Task<Outcome> try_to_send(CommitItem& item);
    bool open(CommitItem& item);
    Task<void> hash();
    Task<void> hash_whole();
    Task<void> hash_piece(size_t index);
    bool is_unchanged() const;
    Task<void> begin(CommitItem& item);
    Task<bool> go_on_with(UploadRecord record);
    Task<void> send_part(size_t index);
    Task<void> conclude(CommitItem& item);
    Task<void> give_up();

    BucketMeans means_;
    ObjectPutter& putter_;
    ContentSource content_;
    UploadJournal* uploads_;
    Progress& progress_;
    std::string key_;
    fs::Fd file_;
    Stamp before_;
    bool is_racy_ = false;
    ContentSums whole_;
    std::vector<ContentSums> pieces_;
    std::vector<s3::UploadedPart> parts_;
    UploadRecord record_;
    std::vector<std::unique_ptr<char[]>> buffers_;  ///< of a part each, free
};

/// The size of the parts of a file: there are at most 10,000.
uint64_t part_bytes_of(uint64_t size);

}  // namespace syncline
