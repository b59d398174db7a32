// PathCursor: asks a sorted list of directories, path by path in the same order, whether one of them holds the path.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/rel_path.hpp"

namespace syncline {

class PathCursor {
  public:
    explicit PathCursor(std::span<const std::string> sorted) : rest_(sorted) {}

    /// Whether `path` is one of the directories or lies below one. Paths must come in order.
    bool covers(std::string_view path) {
        if (active_ != nullptr && is_at_or_below(path, *active_)) return true;
        active_ = nullptr;
        while (!rest_.empty() && compare_paths(rest_.front(), path) <= 0) {
            const std::string& candidate = rest_.front();
            rest_ = rest_.subspan(1);
            if (!is_at_or_below(path, candidate)) continue;
            active_ = &candidate;
            return true;
        }
        return false;
    }

    /// Whether `path` leads to one of the directories that are still to come.
    bool leads_to_next(std::string_view path) const { return !rest_.empty() && is_at_or_below(rest_.front(), path); }

  private:
    std::span<const std::string> rest_;
    const std::string* active_ = nullptr;
};

}  // namespace syncline
