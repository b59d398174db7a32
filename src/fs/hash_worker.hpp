// HashWorker: what hashes a batch of files for a HashPool, on one thread. There are two: plain reads, and io_uring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>

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

/// Whether `@generated` stands in the first 4 KiB of a content that begins with `head`.
bool has_generated_marker(std::span<const std::byte> head);

}  // namespace syncline::fs
