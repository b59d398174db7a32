#include "fs/slab.hpp"

#include <sys/mman.h>

#include <new>

namespace syncline::fs {

namespace {

constexpr size_t slab_bytes = size_t{1} << 20;
constexpr size_t alignment = alignof(std::max_align_t);

SlabAllocator::Piece map_pages(size_t size) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return {static_cast<std::byte*>(memory), [size](std::byte* start) { ::munmap(start, size); }};
}

}  // namespace

SlabAllocator::Piece SlabAllocator::allocate(size_t size) {
    size = (size + alignment - 1) / alignment * alignment;
    if (size > slab_bytes / 4) return map_pages(size);
    if (!slab_ || slab_bytes - used_ < size) {
        slab_ = map_pages(slab_bytes);
        used_ = 0;
    }
    Piece piece(slab_, slab_.get() + used_);
    used_ += size;
    return piece;
}

}  // namespace syncline::fs
