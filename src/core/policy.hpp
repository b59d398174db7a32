// Policy: what a job allows. Values only; the job file's keys of the same names say what they mean (design: the job
// file).
#pragma once

#include <cstdint>
#include <string_view>

namespace syncline {

enum class Direction : uint8_t { push, pull };
enum class DeletePolicy : uint8_t { mirror, synced, never };
enum class OverwritePolicy : uint8_t { always, unchanged };
enum class PullPolicy : uint8_t { generated, missing, update, mirror };
/// Which symlinks a pull makes: none, relative ones that stay inside of the tree, or all, as a push does.
enum class PullLinks : uint8_t { refuse, inside, all };
enum class PermissionPolicy : uint8_t { owner, preserve };
enum class SymlinkPolicy : uint8_t { copy, skip, follow };
enum class Transfer : uint8_t { automatic, files, tar };

std::string_view policy_name(Direction direction);
std::string_view policy_name(DeletePolicy policy);
std::string_view policy_name(OverwritePolicy policy);
std::string_view policy_name(PullPolicy policy);

/// The most deletes one run may make: a number, or a share of the target's files (which never stops up to 10 deletes).
struct MaxDelete {
    uint64_t limit = 50;
    bool is_percentage = true;

    bool operator==(const MaxDelete&) const = default;
};

/// All that the planner has to know beside the two trees and the baseline.
struct Policy {
    Direction direction = Direction::push;
    DeletePolicy delete_policy = DeletePolicy::mirror;    ///< push only
    OverwritePolicy overwrite = OverwritePolicy::always;  ///< push only
    PullPolicy pull = PullPolicy::missing;                ///< pull only
    bool pull_spares_changes = false;  ///< pull only: what it may overwrite it does as under `overwrite = "unchanged"`
    PullLinks pull_links = PullLinks::refuse;  ///< pulls from servers only
    PermissionPolicy permissions = PermissionPolicy::owner;
    uint16_t umask = 077;
    SymlinkPolicy symlinks = SymlinkPolicy::copy;
    bool delete_excluded = false;
    bool force = false;  ///< put what is equal too, and overwrite what would be a conflict
    bool adopt = false;  ///< the source of this one run is authoritative: guards are waived
    MaxDelete max_delete;

    /// Whether what somebody changed on the target is overwritten.
    bool overwrites_changes() const {
        if (force || adopt) return true;
        return direction == Direction::push ? overwrite == OverwritePolicy::always : !pull_spares_changes;
    }

    /// Whether what is extra on the target is removed, whoever put it there.
    bool is_mirror() const {
        return direction == Direction::push ? delete_policy == DeletePolicy::mirror : pull == PullPolicy::mirror;
    }
};

/// The permission bits that a new or rewritten entry gets on the target.
uint16_t target_mode(const Policy& policy, bool is_directory, uint16_t source_mode);

}  // namespace syncline
