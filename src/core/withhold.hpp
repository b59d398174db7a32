// Withholding: a run to a bucket deletes what a live watcher saw go, and nothing else, since a file that is only
// missing may be on a disk that is not mounted. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/rel_path.hpp"
#include "core/plan.hpp"

namespace syncline {

/// Paths that were seen to be removed or moved away, each with all that was below it. So many that they cannot be kept
/// are forgotten.
class GonePaths {
  public:
    void add(std::string_view path);
    void add(const GonePaths& other);
    void clear() { paths_.clear(); }
    bool contains(std::string_view path) const;
    size_t size() const { return paths_.size(); }

  private:
    void drop_inner();

    std::set<std::string, PathLess> paths_;
};

/// Takes out of a plan all deletes of what is missing in the source and was not seen to go, and the replacements that
/// need them. Returns the paths that stay: of directories only those that are empty.
std::vector<std::string> withhold_unseen(Plan& plan, const Tree& target, const GonePaths& gone);

}  // namespace syncline
