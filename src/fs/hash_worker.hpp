// HashWorker: what hashes a batch of files for a HashPool, on one thread. There are two: plain reads, and io_uring.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "fs/fd.hpp"
#include "fs/hash.hpp"

namespace syncline::fs {

/// Part of what one call of HashPool::hash asked for.
struct HashBatch {
    int root = -1;
    Links links = Links::refuse;
    std::span<HashItem> items;
    std::stop_token stop;
    std::atomic<uint64_t>* bytes_done = nullptr;
};

/// Used by one thread.
class HashWorker {
  public:
    virtual ~HashWorker() = default;
    /// Answers every item, or when stopped any part of them. Nothing is in flight when it returns.
    virtual void hash(const HashBatch& batch) = 0;
};

std::unique_ptr<HashWorker> make_plain_worker();
/// Throws std::system_error when the kernel does not give a ring.
std::unique_ptr<HashWorker> make_ring_worker();

/// A file that changes while it is read is read so many times.
inline constexpr int max_hash_attempts = 4;
/// `@generated` is looked for in so many bytes.
inline constexpr size_t marker_bytes = 4096;

bool has_generated_marker(std::span<const std::byte> head);

inline constexpr std::string_view changes_while_read = "changes while it is read";
inline constexpr std::string_view no_regular_file = "is no regular file any more";

}  // namespace syncline::fs
