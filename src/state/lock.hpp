// FileLock: keeps two runs of one job, or two engines on one job file, apart.
//
// An advisory lock (flock(2)) on a file, held while the object lives. The kernel lets go of it when its process dies,
// so a file that was left behind or a PID that was used again decides nothing; the PID in the file only serves the
// message. The file is never removed: a name that goes away under a waiting process would let two hold "the" lock.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "state/store.hpp"

namespace syncline {

class FileLock {
  public:
    /// nullopt when another holds it; `holder` is then that one's PID, or "" in the instant before it was written.
    /// Makes the file (0600) and its directory (0700). Throws Error{state} when the file cannot be used.
    static std::optional<FileLock> try_acquire(const std::string& path, std::string& holder);

    /// Blocks until it is free, at most `patience`; for locks that are held for moments only. Throws Error{state} after
    /// that.
    static FileLock acquire(const std::string& path, Duration patience);

    /// Where the holder can be reached: stands in the file behind the PID while the lock is held. Only for messages and
    /// for who looks for it, so a full disk is no failure.
    void set_address(const std::string& address);

    FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileLock& operator=(FileLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileLock();

  private:
    explicit FileLock(int fd) : fd_(fd) {}
    int fd_;
};

/// What the last holder of the lock at `path` wrote with set_address(), whether it lives or not; "" for nothing.
std::string lock_address(const std::string& path);

/// The process that holds the lock at `path` now, as the kernel tells (/proc/locks); nullopt when none does. Unlike a
/// try to take it, this gets in nobody's way.
std::optional<int> lock_holder(const std::string& path);

/// The lock of all runs between this root and destination, whichever their direction: a pull must not write what a push
/// reads.
std::string job_lock_path(const std::string& state_directory, const PairKey& key);

/// All that a run takes: that one, and the one of its target, which two jobs may share.
std::vector<std::string> run_lock_paths(const std::string& state_directory, const PairKey& key);

/// The lock of the engine that serves `job_file` (an absolute, resolved path).
std::string engine_lock_path(const std::string& state_directory, const std::string& job_file);

}  // namespace syncline
