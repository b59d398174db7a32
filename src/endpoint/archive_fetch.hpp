// ArchiveFetch: takes the content of files out of an archive into a FetchDirectory, each verified against the manifest
// before it may be renamed into place. Directories and symlinks are the manifest's alone, and what else the archive
// holds is passed over: no member can reach anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/archive_members.hpp"
#include "endpoint/archive_reader.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_fetch_directory.hpp"
#include "fs/fd.hpp"

namespace syncline {

/// Writes the wanted members.
class ArchiveExtractor final : public WantedMembers {
  public:
    /// All outlive it. `tree` is the one whose files `indices` are, `manifest` what the archive was made of. The
    /// directory is prepared.
    ArchiveExtractor(const Tree& tree, const std::vector<uint32_t>& indices, const ArchiveManifest& manifest,
                     FetchDirectory& directory, Progress& progress)
        : WantedMembers(tree, indices), manifest_(manifest), directory_(directory), progress_(progress) {}

    /// Whatever did not come gets an error that says `why`.
    void give_up(const std::string& why);

  private:
    void open(const TarMember& member, const Entry& entry) override;
    void write(std::string_view bytes) override;
    void close(const Entry& entry, bool is_right) override;

    const ArchiveManifest& manifest_;
    FetchDirectory& directory_;
    Progress& progress_;
    fs::Fd file_;
    uint64_t written_ = 0;
    std::string error_;  ///< why the member at hand cannot be written here
};

/// Fills the directory and its `contents`.
Task<void> fetch_from_archive(BucketMeans means, const ArchiveManifest& manifest, const Tree& tree,
                              std::vector<uint32_t> indices, FetchDirectory& directory, Progress& progress);

}  // namespace syncline
