// BucketFetch: one batch of objects into a FetchDirectory: many small ones at once, large ones in ranges, each verified
// before it may be renamed into place.
//
// An object that was replaced since it was listed is not taken. What came is held against the digest in its metadata or
// its ETag; of an object that has neither, its length and the connection must do. Made for one batch; engine's thread.
#pragma once

#include <string>
#include <vector>

#include "endpoint/bucket_means.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_fetch_directory.hpp"

namespace syncline {

class BucketFetch {
  public:
    /// All outlive it. `directory` is prepared.
    BucketFetch(BucketMeans means, const Tree& tree, FetchDirectory& directory, Progress& progress)
        : means_(means), tree_(tree), directory_(directory), progress_(progress) {}

    /// Fills the directory and its `contents`.
    Task<void> run(std::vector<uint32_t> indices);

  private:
    Task<void> fetch(uint32_t index);
    Task<FetchedContent> bring(const Entry& entry, std::string_view path);
    Task<s3::ObjectHead> receive(const Entry& entry, const std::string& key, int file, ContentSums& sums);
    Task<std::string> why_wrong(const std::string& key, const s3::ObjectHead& head, const std::string& md5,
                                const Digest& sha256);

    BucketMeans means_;
    const Tree& tree_;
    FetchDirectory& directory_;
    Progress& progress_;
};

/// An object's content, read through and hashed.
Task<Digest> hash_object(s3::S3Client& client, std::string key, const s3::ObjectHead& head, Progress* progress);

}  // namespace syncline
