// Hash: SHA-256 of many files. Workers own an io_uring each, take batches, keep open-read-close chains in flight and
// answer once a batch. Where io_uring is forbidden the same interface runs on plain reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/digest.hpp"
#include "core/tree.hpp"
#include "fs/fd.hpp"

namespace syncline::fs {

/// One file to be hashed. Fields behind the line are the answer.
struct HashItem {
    std::string_view path;  ///< below the root; a batch sorted by path opens each directory once
    Stamp expected;         ///< as the scan saw it
    // ---
    Digest digest;
    Stamp stamp;  ///< of the content that `digest` is of; differs from `expected` when the file changed since
    bool generated = false;  ///< `@generated` stands in the first 4 KiB
    std::string error;       ///< "" or why there is no digest: errno text, "changes while it is read"
};

enum class HashBackend : uint8_t { automatic, io_uring, plain };

class HashPool {
  public:
    /// `automatic` takes io_uring where the kernel allows it. Threads start with the first batch.
    explicit HashPool(unsigned workers, HashBackend backend = HashBackend::automatic);
    ~HashPool();
    HashPool(const HashPool&) = delete;
    HashPool& operator=(const HashPool&) = delete;

    /// Hashes all items below `root` (a directory descriptor); blocks the caller until done. Opens only regular files,
    /// and through symlinks only when `links` says so. A file that changes while it is read is read again, up to three
    /// times. Throws Cancelled when stopped; every kernel operation has been reaped by then. May be called from several
    /// threads. `bytes_done` counts what was read, for progress; may be null.
    void hash(int root, std::span<HashItem> items, std::stop_token stop, std::atomic<uint64_t>* bytes_done = nullptr,
              Links links = Links::refuse);

    /// What is in use: "io_uring" or "plain reads", with the reason where io_uring is not available.
    std::string backend_description() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// SHA-256 of a stream of bytes (OpenSSL; uses the CPU's instructions).
class Hasher {
  public:
    Hasher();
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    void update(std::span<const std::byte> bytes);
    /// Resets the hasher for the next stream.
    Digest finish();
    /// Of what came until now; the stream goes on.
    Digest so_far() const;

  private:
    void* context_;
};

}  // namespace syncline::fs
