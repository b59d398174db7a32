// SlabAllocator: memory for the records of a walk, in pieces cut from large mappings. A mapping goes back to the kernel
// as soon as its last piece is dropped: while a tree of a million entries is put together, its parts must not linger in
// the heap.
//
// Each worker has one of its own; pieces may be dropped by any thread.
#pragma once

#include <cstddef>
#include <memory>

namespace syncline::fs {

class SlabAllocator {
  public:
    using Piece = std::shared_ptr<std::byte>;

    /// `size` bytes, aligned for any record.
    Piece allocate(size_t size);

  private:
    Piece slab_;
    size_t used_ = 0;
};

}  // namespace syncline::fs
