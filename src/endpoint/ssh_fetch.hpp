// Fetching: what a pull brings lies first in a private directory in the job's root, verified; commit() takes it from
// there.
#pragma once

#include <string>
#include <vector>

#include "async/offload.hpp"
#include "endpoint/ssh_shell.hpp"
#include "endpoint/ssh_tar.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"

namespace syncline {

/// A directory ".syncline-tmp-..." in a local root, removed with all that is in it when it dies or is made anew.
class FetchDirectory {
  public:
    FetchDirectory() = default;
    ~FetchDirectory() { remove(); }
    FetchDirectory(const FetchDirectory&) = delete;
    FetchDirectory& operator=(const FetchDirectory&) = delete;

    /// Throws Error.
    void make(const std::string& local_root);
    void remove();
    int fd() const { return fd_.get(); }

  private:
    std::string path_;
    fs::Fd fd_;
};

/// A file that is on its way.
struct FetchedFile {
    uint32_t index = 0;  ///< in the tree
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
                        WorkerPool& workers, Progress& progress);

}  // namespace syncline
