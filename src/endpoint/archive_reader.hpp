// ArchiveReader: the members of an archive in a bucket, in their order, into a TarSink. Fetches a few ranges while a
// worker unpacks those before, so that memory is bounded whatever the archive's size.
//
// Engine's thread; the sink is called on a worker.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "endpoint/archive_manifest.hpp"
#include "endpoint/bucket_means.hpp"
#include "endpoint/ssh_tar.hpp"
#include "endpoint/zstd_stream.hpp"

namespace syncline {

class ArchiveReader {
  public:
    /// All outlive it.
    ArchiveReader(BucketMeans means, const ArchiveManifest& manifest, TarSink& sink)
        : means_(means), manifest_(manifest), tar_(sink), most_bytes_(most_bytes_of(manifest)) {}

    /// Unpacks some more. False at the end, and when nothing more can be read. Throws Error when the archive is another
    /// one now, or gone.
    Task<bool> read_some();

    /// "" or why not all could be read.
    std::string error() const;

  private:
    static uint64_t most_bytes_of(const ArchiveManifest& manifest);
    Task<void> fetch();
    Task<void> fetch_range(size_t index);
    Task<void> unpack();
    bool is_over() const { return !error().empty() || zstd_.is_whole() || (offset_ >= end() && ready_.empty()); }
    uint64_t end() const { return std::min(manifest_.archive_bytes, most_bytes_); }

    BucketMeans means_;
    const ArchiveManifest& manifest_;
    ZstdReader zstd_;
    TarReader tar_;
    uint64_t offset_ = 0;              ///< of what is fetched next
    std::vector<std::string> coming_;  ///< ranges in the order of the archive
    std::vector<std::string> ready_;   ///< those before, not unpacked yet
    uint64_t most_bytes_;              ///< that the archive may have, unpacked
    uint64_t unpacked_ = 0;
    bool has_begun_ = false;
    bool is_too_long_ = false;
};

}  // namespace syncline
