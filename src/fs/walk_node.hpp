// The parts that a walk collects before it puts them together: one WalkNode a directory that is descended into, with
// the packed records of its entries.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/tree.hpp"
#include "fs/fd.hpp"
#include "fs/slab.hpp"

namespace syncline::fs {

/// One entry of a directory. Its name, a NUL and the target of a symlink stand at `name_offset` of the directory's
/// names.
struct WalkRecord {
    Stamp stamp;
    uint32_t name_offset = 0;
    uint32_t link_size = 0;
    uint16_t name_size = 0;
    uint16_t mode = 0;
    Kind kind = Kind::file;
    uint8_t flags = 0;
    bool has_node = false;  ///< a directory that is descended into: the next of the directory's children
};
static_assert(sizeof(WalkRecord) == 48);

/// Written by the worker that reads the directory; afterwards read only, but for the atomics. Nodes stay where they
/// are, and as long as the walk.
struct WalkNode {
    WalkNode* parent = nullptr;
    WalkNode* first_child = nullptr;  ///< children in the order of their names
    WalkNode* next_sibling = nullptr;
    std::string_view name;  ///< in the parent's names, a NUL behind it; "" for the root
    uint32_t path_size = 0;
    bool reached_by_link = false;  ///< a symlink that is followed
    bool unselected = false;       ///< so is all that is in it
    bool passage = false;          ///< in the tree only when something below it is selected
    bool vanished = false;
    std::atomic<bool> wanted{false};  ///< a passage below which something is selected
    uint64_t device = 0, inode = 0;   ///< to tell a loop of followed symlinks

    SlabAllocator::Piece memory;  ///< records, then names
    uint32_t record_count = 0;

    /// Kept open for the children while the walk's share of descriptors allows it, closed by the last one that was
    /// opened.
    Fd fd;
    std::atomic<uint32_t> unopened_children{0};

    const WalkRecord* records() const { return reinterpret_cast<const WalkRecord*>(memory.get()); }
    const char* names() const { return reinterpret_cast<const char*>(records() + record_count); }
    std::string_view name_of(const WalkRecord& record) const {
        return {names() + record.name_offset, record.name_size};
    }
    std::string_view link_of(const WalkRecord& record) const {
        return {names() + record.name_offset + record.name_size + 1, record.link_size};
    }

    /// Relative to the root.
    void write_path(std::string& path) const {
        path.resize(path_size);
        for (const WalkNode* node = this; node->parent; node = node->parent) {
            node->name.copy(path.data() + node->path_size - node->name.size(), node->name.size());
            if (node->parent->parent) path[node->parent->path_size] = '/';
        }
    }
};

}  // namespace syncline::fs
