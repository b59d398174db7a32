// Fetching: files of a server land in a FetchDirectory, hashed as they come. By a tar stream for many small ones, by
// SFTP for each of the others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "endpoint/ssh_fetch_directory.hpp"
#include "endpoint/ssh_means.hpp"
#include "endpoint/ssh_shell.hpp"
#include "endpoint/ssh_tar.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"
#include "ssh/sftp.hpp"

namespace syncline {

/// A file that is on its way.
struct FetchedFile {
    uint32_t index = 0;          ///< in the tree
    uint64_t kept_bytes = 0;     ///< what an earlier run brought of it, from the start
    std::optional<Digest> kept;  ///< of so many bytes of the server's file
    bool arrived = false;
    Digest digest;  ///< of what came
};

/// Writes wanted files below a directory as they come. Only names that were asked for, in the order in which they were
/// asked for, of the size that was listed, are written; everything else a server sends is dropped. Blocks.
class FetchWriter {
  public:
    /// `files` are in path order.
    FetchWriter(int directory, const Tree& tree, std::vector<FetchedFile>& files, Progress& progress)
        : directory_(directory), tree_(tree), files_(files), progress_(progress) {}

    /// False when the file is not wanted.
    bool begin(std::string_view path, uint64_t size);
    /// Goes on with the first file, of which `kept_bytes` are there: their digest. begin() instead starts anew.
    Digest reopen();
    void data(std::string_view bytes);
    void end();

  private:
    int open_parent(std::string_view path);

    int directory_;
    const Tree& tree_;
    std::vector<FetchedFile>& files_;
    Progress& progress_;
    size_t next_ = 0;
    FetchedFile* current_ = nullptr;
    fs::Fd file_, parent_;
    std::string parent_path_;
    bool has_parent_ = false;
    uint64_t written_ = 0;
    fs::Hasher hasher_;
};

/// Brings files through a tar stream. What arrived is marked.
Task<void> fetch_by_tar(RemotePlace place, const Tree& tree, std::vector<FetchedFile>& files, int directory,
                        TransferMeans means, Progress& progress);

/// One file by SFTP, from what is kept of it on when that is what the server has, else from its start. `path` is
/// absolute. What arrived is marked; that it does not is no error. A server whose file is not the listed one any more
/// is caught by who verifies.
Task<void> fetch_by_sftp(ssh::Sftp& sftp, std::string path, const Tree& tree, FetchedFile& file, int directory,
                         TransferMeans means, Progress& progress);

}  // namespace syncline
