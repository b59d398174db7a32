// What an archive is made of, as ArchiveSources: local files, and what has no content. All of one archive write through
// one ZstdWriter.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/tree.hpp"
#include "endpoint/archive_upload.hpp"
#include "endpoint/ssh_content.hpp"
#include "endpoint/zstd_stream.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

/// Local files, read and hashed as they are packed; what came of each is in `items`. One that fails or changes
/// meanwhile leaves a member behind that no manifest tells of, and which a later one of the same name replaces.
class LocalMembers final : public ArchiveSource {
  public:
    /// All outlive it. The names of `items` are those of the members.
    LocalMembers(ContentSource content, std::span<SentItem> items, ZstdWriter& writer, WorkerPool& workers,
                 Progress& progress);

    Task<bool> fill(std::string& out) override;

  private:
    ZstdWriter& writer_;
    WorkerPool& workers_;
    fs::RateLimiter unlimited_;  ///< the upload is what is limited
    SendQueue queue_;
    TarContent tar_;
};

/// The directories and symlinks of a tree.
class NodeMembers final : public ArchiveSource {
  public:
    /// All outlive it.
    NodeMembers(const Tree& tree, ZstdWriter& writer, WorkerPool& workers)
        : tree_(tree), writer_(writer), workers_(workers) {}

    Task<bool> fill(std::string& out) override;

  private:
    void pack(std::string& out);

    const Tree& tree_;
    ZstdWriter& writer_;
    WorkerPool& workers_;
    size_t next_ = 0;
};

/// What ends an archive.
class ArchiveEnd final : public ArchiveSource {
  public:
    ArchiveEnd(ZstdWriter& writer, WorkerPool& workers) : writer_(writer), workers_(workers) {}

    Task<bool> fill(std::string& out) override;

  private:
    ZstdWriter& writer_;
    WorkerPool& workers_;
};

}  // namespace syncline
