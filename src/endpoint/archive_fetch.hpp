// ArchiveFetch: takes the content of files out of an archive into a FetchDirectory, each verified against the manifest
// before it may be renamed into place. Directories and symlinks are the manifest's alone, and what else the archive
// holds is passed over: no member can reach anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "endpoint/archive_reader.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_fetch_directory.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"

namespace syncline {

/// Writes the wanted members. Blocks; called on workers, one at a time.
class ArchiveExtractor final : public TarSink {
  public:
    /// All outlive it. `tree` is the one whose files `indices` are, `manifest` what the archive was made of. The
    /// directory is prepared.
    ArchiveExtractor(const Tree& tree, const std::vector<uint32_t>& indices, const ArchiveManifest& manifest,
                     FetchDirectory& directory, Progress& progress);

    void begin(const TarMember& member) override;
    void data(std::string_view bytes) override;
    void end() override;

    bool has_all() const { return wanted_.empty(); }
    /// Whatever did not come gets an error that says `why`.
    void give_up(const std::string& why);

  private:
    const Tree& tree_;
    const ArchiveManifest& manifest_;
    FetchDirectory& directory_;
    Progress& progress_;
    std::unordered_map<std::string_view, uint32_t> wanted_;  ///< by their paths in the tree
    const Entry* entry_ = nullptr;                           ///< of the member at hand; null: it is passed over
    fs::Fd file_;
    uint64_t written_ = 0;
    fs::Hasher hasher_;
};

/// Fills the directory and its `contents`.
Task<void> fetch_from_archive(BucketMeans means, const ArchiveManifest& manifest, const Tree& tree,
                              std::vector<uint32_t> indices, FetchDirectory& directory, Progress& progress);

}  // namespace syncline
