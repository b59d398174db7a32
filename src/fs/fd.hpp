// Fd: a file descriptor that closes itself, and the few ways in which this program opens things: relative to a
// directory descriptor, never through a symlink, never outside the root.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/tree.hpp"

struct statx;

namespace syncline::fs {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd();

    int get() const { return fd_; }
    /// Gives it up to the caller.
    int release() { return std::exchange(fd_, -1); }
    explicit operator bool() const { return fd_ >= 0; }
    /// Leaves errno as it is.
    void close();

  private:
    int fd_ = -1;
};

/// How symlinks on the way are met. `follow` is for a source under `symlinks = "follow"`: they may then lead anywhere.
enum class Links : bool { refuse, follow };

/// Opens the directory at absolute path `path`, following symlinks (a root may be one). Throws Error.
Fd open_root(const std::string& path);

/// Opens the directory `relative` below `root` ("" is a new descriptor of the root), of any length, without following a
/// symlink on the way and without leaving the root. An empty Fd and errno when it cannot be.
Fd open_directory(int root, std::string_view relative, Links links = Links::refuse);

/// Remembers the directory it opened last, so that a batch sorted by path opens each directory once.
class DirectoryCache {
  public:
    explicit DirectoryCache(int root, Links links = Links::refuse) : root_(root), links_(links) {}
    /// A descriptor that lives until the next call; -1 and errno when it cannot be opened.
    int open(std::string_view relative);

  private:
    int root_;
    Links links_;
    std::string path_;
    Fd fd_;
    bool valid_ = false;
};

/// lstat by statx: kind, mode and stamp of `name` in `directory` ("" is the directory itself). False and errno on
/// failure.
bool read_entry(int directory, const char* name, Entry& entry);

/// Kind, mode, stamp and mount_point flag from a statx result.
Entry to_entry(const struct statx& status);
/// The same stamp alone.
Stamp to_stamp(const struct statx& status);
/// Tells file systems that are mounted now from one another.
uint64_t device_of(const struct statx& status);
/// The statx mask and flags that to_entry needs. Symlinks are not followed; "" as a name is the descriptor itself.
extern const unsigned statx_mask;
extern const int statx_flags;

}  // namespace syncline::fs
