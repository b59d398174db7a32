// Withholding: what a plan would remove, and a run leaves alone. Where something failed, nothing in its directory or
// below goes, for what is missing may have moved to what failed. And a run to a bucket deletes what a live watcher saw
// go, and nothing else, since a file that is only missing may be on a disk that is not mounted. Pure.
#pragma once

#include <map>
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

/// What could not be read or put.
class FailedPaths {
  public:
    void add(std::string_view path);
    bool empty() const { return directories_.empty(); }
    /// One that lies in the directory of `path` or in one above it; null when none does.
    const std::string* beside(std::string_view path) const;

  private:
    std::map<std::string, std::string, std::less<>> directories_;  ///< with the first that failed in it
};

/// Why something is left alone beside `failed`, as the problem that it is.
std::string why_withheld(const std::string& failed, bool adopts);

/// Takes out of a plan all deletes and replacements beside what is known to have failed. Returns their paths.
std::vector<std::string> withhold_beside(Plan& plan, const Tree& target, const FailedPaths& failed);

}  // namespace syncline
