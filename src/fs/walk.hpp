// Walk: lists a local directory tree by several threads, by directory descriptors.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "core/filter.hpp"
#include "core/listing_limits.hpp"
#include "core/policy.hpp"
#include "core/tree.hpp"

namespace syncline::fs {

/// The name that a file in the making has until it is verified: ".syncline-tmp-" and 16 lower-case hex digits, nothing
/// else.
inline constexpr std::string_view temporary_prefix = ".syncline-tmp-";
bool is_temporary_name(std::string_view name);
/// In this pattern or in that of what was taken aside (core/own_names): never an entry.
bool is_own_name(std::string_view name);

/// A directory, whatever its path.
struct DirectoryId {
    uint64_t device = 0;
    uint64_t inode = 0;

    bool operator==(const DirectoryId&) const = default;
};

/// The directory at absolute `path` and all above it; as many of them as there are.
std::vector<DirectoryId> directories_up_from(const std::string& path);

struct WalkOptions {
    const Filter* filter = nullptr;   ///< null: everything is selected
    IgnoreSource* ignores = nullptr;  ///< null: no ignore files
    /// Keep what is not selected in the tree, flagged `unselected` (and `pinned` for `.git`): a target listing.
    bool keep_unselected = false;
    /// With keep_unselected: descend into unselected directories too (`delete_excluded`), never into pinned ones.
    bool descend_unselected = false;
    /// `follow` lists what a symlink points to as if it stood in its place. A link that leads nowhere, back into one of
    /// its own parents, or to a special file is a Problem. `skip` flags
    /// symlinks as unselected, so that what a target has in their place is left alone.
    SymlinkPolicy symlinks = SymlinkPolicy::copy;
    /// Directories into which no symlink is followed: those that hold the root or the target, where the copy would be
    /// copied.
    std::vector<DirectoryId> never_followed;
    unsigned threads = 2;
    /// Sorted, none at or below another: only these, what is below them and the directories that lead there. Empty:
    /// everything.
    std::span<const std::string> scope;
    uint64_t max_entries = default_max_entries;  ///< more is a ListingTooLarge
    bool top_only = false;                       ///< what is in the root itself, and no directory below
    /// Counts entries as they are seen, for progress; may be null.
    std::atomic<uint64_t>* scanned = nullptr;
};

struct WalkResult {
    Tree tree;
    std::vector<Problem> problems;         ///< what could not be listed; path and why
    std::vector<std::string> incomplete;   ///< directories whose listing is not whole ("" is the root), sorted
    std::vector<std::string> leftovers;    ///< paths of temporary names that a killed run left
    std::vector<std::string> taken_aside;  ///< paths of what such a run had taken aside
    std::vector<std::string> kept;         ///< paths of what was kept for a person (is_kept_name)
    TimeNs started_at = 0;                 ///< wall clock before the first directory was read
    uint64_t ignored = 0;                  ///< entries that no rule selects, each with all that is in it
    bool git_left_out = false;
};

/// Lists what lies below `root`. An entry that vanishes while it is listed is left out; a directory that vanishes too.
/// Throws Cancelled when stopped. The result does not depend on the number of threads.
WalkResult walk(int root, const WalkOptions& options, std::stop_token stop);

}  // namespace syncline::fs
