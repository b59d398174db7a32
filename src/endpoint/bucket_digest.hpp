// BucketDigest: what objects hold of which the baseline does not know it, by the cheapest way there is: the local file
// beside it with the same MD5, the digest in the metadata, and at last the whole content.
//
// Made for one batch; engine's thread.
#pragma once

#include <string>
#include <vector>

#include "endpoint/bucket_means.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline {

class BucketDigest {
  public:
    /// All outlive it. `local_root` is the job's.
    BucketDigest(BucketMeans means, const Tree& tree, std::string local_root, Progress& progress)
        : means_(means), tree_(tree), local_root_(std::move(local_root)), progress_(progress) {}

    Task<void> run(std::vector<DigestItem>& items);

  private:
    Task<void> compare_with_local(std::vector<DigestItem>& items);
    Task<void> compare_batch(std::span<DigestItem> items, size_t index);
    void compare(std::span<DigestItem> items, const std::stop_token& stop) const;
    Task<void> ask(DigestItem& item);
    Task<void> look(DigestItem& item, std::string key);

    BucketMeans means_;
    const Tree& tree_;
    std::string local_root_;
    Progress& progress_;
};

}  // namespace syncline
