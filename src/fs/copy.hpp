// Copy: the content of one file into a new one, verified by reading it back. Each thread has a copier of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/digest.hpp"
#include "fs/hash.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline::fs {

/// Gives the new and empty file `target` what `source` holds, by shared blocks where the file system can. False, with
/// part of it there, when that failed. Throws Cancelled.
bool share_or_copy(int source, int target, const std::stop_token& stop);

class FileCopier {
  public:
    /// The limiter outlives the copier.
    explicit FileCopier(RateLimiter& limiter);
    ~FileCopier();

    /// Copies `size` bytes from `source` (open for reading) to `target` (open for reading and writing; new and empty,
    /// or `is_begun`: what it has already is compared instead of written, and need not be right) and returns the digest
    /// of what the target then holds, which was compared with what was read. Holes stay holes; where the file system
    /// can share blocks, they are shared. "" or why it failed goes to `error`, errno to `error_number` (0: the copy
    /// differs, or the source ended early). Throws Cancelled.
    Digest copy(int source, int target, uint64_t size, bool is_begun, std::stop_token stop,
                std::atomic<uint64_t>& bytes_done);

    /// The digest of the `size` bytes that `file` holds now; fails as copy() does.
    Digest hash(int file, uint64_t size, std::stop_token stop);

    const std::string& error() const { return error_; }
    int error_number() const { return error_number_; }

  private:
    struct Chunk;
    class Verifier;

    Digest copy_small(int source, int target, size_t size);
    Digest copy_large(int source, int target, uint64_t size, bool is_begun, std::stop_token stop,
                      std::atomic<uint64_t>& bytes_done);
    void copy_chunk(int source, int target, const Chunk& chunk, bool is_begun, const std::stop_token& stop);
    bool holds(int target, const Chunk& chunk);
    void fail(std::string why, int error_number);
    void fail_errno(const std::string& what);

    RateLimiter& limiter_;
    Hasher hasher_;
    std::vector<std::byte> buffer_, read_back_;
    std::string error_;
    int error_number_ = 0;
};

}  // namespace syncline::fs
