// ChangeSet: the paths that changed since somebody looked, or the word that it may have been anything. Pure; one
// thread at a time.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/rel_path.hpp"
#include "core/withhold.hpp"

namespace syncline {

class ChangeSet {
  public:
    /// `path` is relative to the root, and what is below it may have changed, too; "" is everything.
    void add(std::string_view path);
    /// The same, and `path` is known to have been removed or moved away.
    void add_gone(std::string_view path);
    /// The same of a file that somebody had open for writing, and closed: its content may be another though its stamp
    /// is not, for what is written by mmap moves the times once alone.
    void add_closed(std::string_view path);
    /// A file was written to, and whoever did that may not be done: whatever else happened to it, it need not be looked
    /// at before that.
    void add_open(std::string_view path);
    /// An inode that has more names than the one that was told.
    void add_inode(uint64_t inode) { inodes_.insert(inode); }
    void add_everything();
    void add(const ChangeSet& other);

    bool everything() const { return everything_; }
    bool empty() const { return !everything_ && paths_.empty(); }
    /// How many paths were named; 0 for everything.
    size_t size() const { return paths_.size(); }

    /// In path order, none at or below another.
    std::vector<std::string> paths() const;
    /// Those that went; still known when it is everything.
    const GonePaths& gone() const { return gone_; }
    /// Files to be read whatever their stamps say; still known when it is everything. In path order.
    std::vector<std::string> unproven() const { return {closed_.begin(), closed_.end()}; }
    /// Files that are still written to, and that are not among paths() for it; still known when it is everything.
    const std::set<std::string, PathLess>& open() const { return open_; }
    void clear_open() { open_.clear(); }
    const std::set<uint64_t>& inodes() const { return inodes_; }
    /// Every path that was named.
    std::vector<std::string> named() const;

  private:
    void forget_within(std::string_view path);

    bool everything_ = false;
    std::set<std::string, PathLess> paths_, closed_, open_;
    std::set<uint64_t> inodes_;
    GonePaths gone_;
};

/// Sorted, none at or below another.
std::vector<std::string> outermost_paths(std::vector<std::string> paths);

}  // namespace syncline
