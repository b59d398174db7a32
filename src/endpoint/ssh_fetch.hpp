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
    uint32_t index = 0;                       ///< in the tree
    uint64_t kept_bytes = 0;                  ///< what an earlier run brought of it, from the start
    std::optional<Digest> kept;               ///< of so many bytes of the server's file
    std::optional<ssh::SftpAttributes> seen;  ///< by SFTP: what stood there just before it is opened; none: not looked
    bool arrived = false;
    Digest digest;      ///< of what came
    std::string error;  ///< "" or why it cannot be held here, or is not what was listed
};

/// Writes wanted files below a directory as they come. Only files that were asked for, in the order in which they were
/// asked for, of the size that was listed, are written; everything else a server sends is dropped. Long runs of zeros
/// become holes. What concerns one file alone, such as a name that the file system cannot hold, is that file's error.
/// Blocks.
class FetchWriter {
  public:
    FetchWriter(int directory, const Tree& tree, std::vector<FetchedFile>& files, Progress& progress)
        : directory_(directory), tree_(tree), files_(files), progress_(progress) {}

    /// Begins with the file at `index` in the files. False when it is not wanted, or cannot be written.
    bool begin(size_t index, uint64_t size);
    /// Goes on with the first file, of which `kept_bytes` are there, in a new inode: their digest, or nullopt when they
    /// cannot be read. begin() instead starts anew.
    std::optional<Digest> reopen();
    void data(std::string_view bytes);
    void end();

  private:
    int open_parent(std::string_view path);
    bool copy_kept(int kept);
    void write(std::string_view bytes);
    void write_all(std::string_view bytes, uint64_t offset);
    bool fail(const std::string& what, int error_number);

    int directory_;
    const Tree& tree_;
    std::vector<FetchedFile>& files_;
    Progress& progress_;
    size_t next_ = 0;
    FetchedFile* current_ = nullptr;
    fs::Fd file_, parent_;
    std::string parent_path_;
    bool has_parent_ = false;
    bool ends_in_hole_ = false;
    uint64_t written_ = 0;
    fs::Hasher hasher_;
};

/// Brings files through a tar stream. What arrived is marked.
Task<void> fetch_by_tar(RemotePlace place, const Tree& tree, std::vector<FetchedFile>& files, int directory,
                        TransferMeans means, Progress& progress);

/// Whether two looks at a path, or at what was opened there, saw the same. SFTP tells no inode.
bool is_same_file(const ssh::SftpAttributes& one, const ssh::SftpAttributes& other);

/// Hashes what comes.
class HashSink final : public ssh::OutputSink {
  public:
    Task<void> take(std::string_view bytes) override {
        hasher_.update(std::as_bytes(std::span(bytes)));
        co_return;
    }
    Digest finish() { return hasher_.finish(); }

  private:
    fs::Hasher hasher_;
};

/// One file by SFTP, from what is kept of it on when that is what the server has, else from its start. `path` is
/// absolute. What arrived is marked; that it does not is no error. What is opened has to be what `file.seen` says, when
/// that is given; else a server whose file is not the listed one any more is caught by who verifies.
Task<void> fetch_by_sftp(ssh::Sftp& sftp, std::string path, const Tree& tree, FetchedFile& file, int directory,
                         TransferMeans means, Progress& progress);

}  // namespace syncline
