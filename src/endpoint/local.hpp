// LocalEndpoint: a directory tree on this machine, as root of a job or as its destination.
#pragma once

#include <string>

#include "async/offload.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/kept_beginnings.hpp"
#include "endpoint/local_item.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

class LocalEndpoint : public Endpoint {
  public:
    /// `path` is absolute and may be a symlink to a directory. The pools and the limiter outlive the
    /// endpoint.
    LocalEndpoint(std::string path, bool fsync, WorkerPool& workers, fs::HashPool& hashes, fs::RateLimiter& limiter);

    std::string shown() const override;
    std::string identity_text() const override;
    std::string root_text() const override;
    std::string local_path() const override { return path_; }
    bool is_unsafe_for_mirror() const override;
    bool can_touch() const override { return true; }
    Task<std::optional<RootIdentity>> inspect() override;
    Task<bool> is_still_in_place() override;
    Task<Listing> list(ListRequest request, Progress& progress) override;
    Task<bool> selects_anything(ListRequest request) override;
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) override;
    Task<ContentSource> fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) override;
    Task<void> create_root(uint16_t mode) override;
    Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) override;
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress) override;
    Task<std::string> claim() override;
    Task<bool> folds_names(bool may_write) override;
    Task<void> rename(std::vector<RenameItem>& items) override;
    std::vector<std::string> remarks() const override;
    Task<void> settle(std::vector<TakenAside>& items) override;
    Task<void> sweep(std::vector<std::string> leftovers) override;
    Task<void> flush() override;

  private:
    /// Opens the root when it is not yet; every operation of a run then works on the directory that was inspected.
    int root();

    std::string path_;
    bool fsync_;
    WorkerPool& workers_;
    fs::HashPool& hashes_;
    fs::RateLimiter& limiter_;
    KeptBeginnings kept_;
    bool is_flushed_ = false;
    fs::Fd root_;
    bool follows_symlinks_ = false;
    bool folds_names_ = false;
    TouchedInodes touched_;
    std::atomic<bool> loses_times_{false};
};

/// Identity of what is at `path`; nullopt when nothing is there. Throws Error when it cannot be looked at.
std::optional<RootIdentity> identify_root(const std::string& path);
/// The same of an open descriptor; `path` is where it was found.
RootIdentity identify_root(int fd, const std::string& path);

/// Whether something is mounted on `path`.
bool is_mount_point(const std::string& path);

/// Whether it is `/` or somebody's home directory.
bool is_root_or_home(const std::string& path);

/// `path` with symlinks resolved as far as it exists.
std::string resolve_path(const std::string& path);

}  // namespace syncline
