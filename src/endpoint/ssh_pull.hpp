// Pull: one batch of files from a server with a shell into a FetchDirectory, verified. What an earlier run left there
// is not brought again. Made for one batch; engine's thread.
#pragma once

#include <optional>
#include <vector>

#include "endpoint/ssh_fetch.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_lanes.hpp"
#include "endpoint/ssh_ways.hpp"

namespace syncline {

class Pull {
  public:
    /// All outlive it. `listed_at` is when the tree was listed, by the server's clock.
    Pull(SshHost& host, RemotePlace place, const Tree& tree, FetchDirectory& directory, TransferMeans means,
         Progress& progress)
        : host_(host),
          place_(std::move(place)),
          tree_(tree),
          directory_(directory),
          means_(means),
          progress_(progress) {}

    /// Fills the directory and its `contents`. Indices are in path order.
    Task<void> run(std::vector<uint32_t> indices, Transfer wanted, TimeNs listed_at);

  private:
    void look_at_kept();
    void hash_kept(FetchedFile& file) const;
    Task<void> drop_outdated();
    size_t place_of(const FetchedFile& file) const { return static_cast<size_t>(&file - files_.data()); }
    Task<void> bring(const WayChooser& chooser);
    Task<void> bring_by_sftp(std::vector<FetchedFile*> files);
    Task<void> bring_and_hash(const std::vector<FetchedFile*>& files, SftpLanes::Work work, Nursery& nursery);
    Task<void> hash_on_server(std::vector<FetchedFile*> files);
    Task<void> bring_by_tar(std::vector<FetchedFile*> files);
    Task<void> bring_file(ssh::Sftp& sftp, FetchedFile& file);
    Task<void> verify(TimeNs listed_at);

    SshHost& host_;
    RemotePlace place_;
    const Tree& tree_;
    FetchDirectory& directory_;
    TransferMeans means_;
    Progress& progress_;
    std::vector<FetchedFile> files_;
    std::vector<std::optional<DigestItem>> on_server_;  ///< what the server holds, per file
};

}  // namespace syncline
