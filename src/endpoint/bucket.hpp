// BucketEndpoint: a tree of objects below a prefix of an S3-compatible bucket. What stands for what is in bucket_keys,
// bucket_metadata and bucket_listing.
//
// Nothing in a bucket is ever half there, so there are no temporary names; what is left of a large upload is in the
// journal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_means.hpp"
#include "endpoint/buckets.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_fetch_directory.hpp"

namespace syncline {

class BucketEndpoint : public Endpoint {
  public:
    /// The pool outlives the endpoint.
    BucketEndpoint(Buckets& buckets, const Destination& destination, const EndpointOptions& options,
                   WorkerPool& workers);

    std::string shown() const override;
    std::string identity_text() const override;
    bool is_unsafe_for_mirror() const override { return false; }
    /// An archive (archive.hpp) where there is one, or where a push is to make one. Throws Error where a push would mix
    /// archive and objects.
    Task<std::unique_ptr<Endpoint>> instead() override;
    /// There is no directory to be told from another: it is there when any object is.
    Task<std::optional<RootIdentity>> inspect() override;
    Task<Listing> list(ListRequest request, Progress& progress) override;
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) override;
    Task<ContentSource> fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) override;
    Task<void> create_root(uint16_t) override { co_return; }
    Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) override;
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress) override;
    Task<void> sweep(std::vector<std::string>) override { co_return; }
    /// Aborts this job's own uploads that nothing will go on with.
    Task<void> flush() override;

  private:
    BucketMeans means() { return {*client_, keys_, workers_}; }
    Task<bool> read_page();
    Task<std::unique_ptr<Endpoint>> find_archive();
    [[noreturn]] void refuse_mixing(const std::string& why) const;
    Task<void> ask_about(size_t index);
    Task<void> check(RemoveItem& item);
    Task<void> delete_checked(std::vector<RemoveItem>& items, Progress& progress);
    Task<void> mark_directory(std::string directory);
    Task<void> mark_directories(const std::vector<RemoveItem>& items);

    std::string name_;
    EndpointOptions options_;
    WorkerPool& workers_;
    std::shared_ptr<BucketClient> client_;
    BucketKeys keys_;
    std::optional<s3::Lister> lister_;
    ObjectTree objects_;
    ListingBudget budget_;
    bool is_listed_ = false;  ///< to the end, or to where it broke off
    std::string broken_off_;  ///< why the listing cannot be right; "" as long as it can
    bool has_objects_ = false;
    bool has_archive_ = false;                 ///< a manifest was seen
    std::unordered_set<std::string> implied_;  ///< directories that are there only as long as something is in them
    std::unordered_set<std::string> committed_;
    FetchDirectory fetched_;
};

}  // namespace syncline
