// ChangeSet: the paths that changed since somebody looked, or the word that it may have been anything. Pure; one
// thread at a time.
#pragma once

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

  private:
    bool everything_ = false;
    std::set<std::string, PathLess> paths_;
    GonePaths gone_;
};

/// Sorted, none at or below another.
std::vector<std::string> outermost_paths(std::vector<std::string> paths);

}  // namespace syncline
