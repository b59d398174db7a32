// BucketCommit: one batch of changes in a bucket: many small objects at once, large ones in parts (bucket_multipart).
//
// Made for one batch; engine's thread.
#pragma once

#include <vector>

#include "endpoint/bucket_load.hpp"
#include "endpoint/bucket_put.hpp"

namespace syncline {

/// From this size on a file is sent in parts, of at least so many bytes each.
inline constexpr uint64_t bucket_part_bytes = uint64_t{8} << 20;

class BucketCommit {
  public:
    /// All outlive it; `uploads` may be null.
    BucketCommit(BucketMeans means, ContentSource content, UploadJournal* uploads, Progress& progress)
        : means_(means), putter_(means), content_(content), uploads_(uploads), progress_(progress) {}

    Task<void> run(std::vector<CommitItem>& items);

  private:
    Task<void> put_simple(CommitItem& item);
    Task<void> put_directory(CommitItem& item);
    Task<void> put_symlink(CommitItem& item);
    Task<void> put_small(ContentLoader& loader);
    Task<void> put_loaded(LoadedFile& file);
    Task<void> put_large(CommitItem& item);
    Task<void> remove_replaced(CommitItem& item, std::string key);

    BucketMeans means_;
    ObjectPutter putter_;
    ContentSource content_;
    UploadJournal* uploads_;
    Progress& progress_;
};

}  // namespace syncline
