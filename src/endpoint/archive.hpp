// ArchiveEndpoint: a tree that is kept in a bucket as one archive beside its manifest (archive_manifest.hpp).
//
// The manifest is the listing. A push packs what changed as it comes, and at flush() all that stays, from the local
// tree where that has it, else from the archive before; then the new archive takes the old one's place at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/archive_store.hpp"
#include "endpoint/archive_upload.hpp"
#include "endpoint/buckets.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_content.hpp"
#include "endpoint/ssh_fetch_directory.hpp"
#include "endpoint/zstd_stream.hpp"

namespace syncline {

class ArchiveEndpoint : public Endpoint {
  public:
    /// What tells one such tree from another, and how it is reached.
    struct Place {
        std::shared_ptr<BucketClient> client;
        BucketKeys keys;
        std::string shown, identity;
    };

    /// The pool outlives the endpoint. `found` is what is there; nullopt: nothing.
    ArchiveEndpoint(Place place, const EndpointOptions& options, WorkerPool& workers,
                    std::optional<FoundManifest> found);

    BatchLimits batch_limits() const override;
    std::string shown() const override { return place_.shown; }
    std::string identity_text() const override { return place_.identity; }
    bool is_unsafe_for_mirror() const override { return false; }
    Task<std::optional<RootIdentity>> inspect() override;
    Task<Listing> list(ListRequest request, Progress& progress) override;
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) override;
    Task<ContentSource> fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) override;
    Task<void> create_root(uint16_t) override { co_return; }
    Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) override;
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress) override;
    Task<void> sweep(std::vector<std::string>) override { co_return; }
    bool commits_at_flush() const override { return true; }
    Task<void> flush() override;

  private:
    /// What is at a path from now on.
    struct Node {
        Entry entry;
        std::string link;
        bool is_packed = false;  ///< its content is in the archive in the making
    };

    BucketMeans means() { return {*place_.client, place_.keys, workers_}; }
    const Tree& tree() const { return found_ ? found_->manifest.tree : empty_; }
    void change(CommitItem& item);
    Task<void> open_archive(uint64_t more_bytes);
    Task<void> pack(ContentSource content, std::vector<CommitItem*> files, Progress& progress);
    void take_result(SentItem& sent, std::vector<CommitItem*>& again);
    Node node_of(const CommitItem& item) const;
    Tree changed_tree() const;
    Task<void> pack_rest(const Tree& next);
    Task<std::vector<uint32_t>> pack_local(const Tree& next, std::vector<uint32_t> files);
    Task<void> pack_old(const Tree& next, std::vector<uint32_t> files);

    Place place_;
    EndpointOptions options_;
    WorkerPool& workers_;
    ArchiveStore store_;
    std::optional<FoundManifest> found_;
    Tree empty_;
    bool follows_symlinks_ = false;
    FetchDirectory fetched_;
    std::map<std::string, std::optional<Node>, PathLess> changes_;  ///< nullopt: it goes
    std::unique_ptr<ZstdWriter> writer_;                            ///< of the archive in the making
    std::unique_ptr<ArchiveUpload> upload_;
};

}  // namespace syncline
