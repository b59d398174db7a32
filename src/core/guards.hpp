// Guards: the rules that halt a run before its first change. Pure: facts in, halts out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan.hpp"
#include "core/policy.hpp"

namespace syncline {

/// What tells one directory from another that came to stand in its place.
struct RootIdentity {
    /// Its id (not st_dev, which changes from mount to mount); "" when unknown. Where inodes do not last it is the
    /// medium and the place on it, in words.
    std::string file_system;
    uint64_t inode = 0;  ///< 0 where inodes do not last from mount to mount
    Kind kind =
        Kind::directory;  ///< `symlink` for a symlink to a directory; another kind when it is no directory at all

    bool is_directory() const { return kind == Kind::directory || kind == Kind::symlink; }
    TimeNs born = 0;  ///< when it was created, for inode numbers are used again; 0 where the file system does not say

    /// The file system's UUID, which unlike its id never follows from the device's number; "" where it does not say,
    /// and in what older versions recorded.
    std::string uuid{};

    uint16_t mode = 0700;  ///< its permission bits as they are now, where a root that is made can follow; not recorded

    bool operator==(const RootIdentity& other) const;
};

/// False when there is nothing at all.
inline bool is_directory(const std::optional<RootIdentity>& identity) { return identity && identity->is_directory(); }

/// In the order in which codes are reported.
enum class Guard : uint8_t {
    root_emptied,
    root_missing,
    root_changed,
    remote_missing,
    remote_changed,
    unmounted,
    unsafe_target,
    incomplete_listing,
    no_baseline,
    max_delete,
    watcher_inactive,
};

/// "root-emptied" and so on, as in messages and JSON.
std::string_view guard_code(Guard guard);

/// One guard that applies.
struct Halt {
    Guard guard = Guard::root_missing;
    std::string detail;   ///< what was seen: paths, counts
    std::string resolve;  ///< the safe way out, then the destructive one where there is one
};

/// What is known of one side before anything is listed.
struct RootFacts {
    std::string shown;                     ///< the path for messages, escaped
    std::optional<RootIdentity> now;       ///< nullopt: nothing is there
    std::optional<RootIdentity> recorded;  ///< of the last whole sync
};

struct GuardFacts {
    std::string command;      ///< what runs this job again, for `resolve`: "syncline push thesis"
    bool has_no_job = false;  ///< it is in no job file: advice names options of the command line, not keys
    RootFacts source;
    RootFacts target;
    bool target_is_unsafe = false;  ///< `/`, a home directory or remote_root itself
    std::string mountpoint;         ///< the job's `mountpoint`, "" when it has none
    bool mountpoint_is_mounted = true;
    bool target_listed_whole = true;
    std::string target_listing_detail;  ///< where the listing broke off
    bool whole_sync_recorded = false;
    size_t baseline_size = 0;
    size_t selected_entries = 0;    ///< of the source
    uint64_t recent_deletes = 0;    ///< by runs of this job that ended within the last 10 minutes
    bool watcher_required = false;  ///< a delete on a bucket
    bool watcher_live = false;
};

/// Guards that can be judged before listing: those on the roots and the mount point. Run these first.
std::vector<Halt> judge_roots(const GuardFacts& facts, const Policy& policy);

/// A listing was given up; `why` names the side.
Halt listing_too_large(const std::string& why);

/// The others, given a finished plan. Together with judge_roots, sorted by code.
std::vector<Halt> judge_plan(const GuardFacts& facts, const Plan& plan, const Policy& policy);

}  // namespace syncline
