#include "core/guards.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr uint64_t free_deletes = 10;  // a percentage never halts fewer

std::string adopt_hint(const GuardFacts& facts) {
    return "; if what is there now is right: " + facts.command + " --adopt";
}

/// How `key` is said where there is no job file.
std::string said(const GuardFacts& facts, const char* key, const char* option) {
    return facts.has_no_job ? option : key;
}

std::string no_baseline_advice(const GuardFacts& facts, const Policy& policy) {
    if (policy.direction == Direction::push)
        return said(facts, "set delete = \"never\"", "give --never-delete") + ", or pull first" + adopt_hint(facts);
    return said(facts, "set pull = \"update\"", "give --update") + ", or push first" + adopt_hint(facts);
}

/// A directory that is to be followed by --adopt must be one.
std::string empty_and_adopt_hint(const GuardFacts& facts) {
    return "; if it is gone for good: make an empty directory in its place, then " + facts.command + " --adopt";
}

/// Of f_type, as the id begins; "" for others.
std::string_view file_system_name(std::string_view id) {
    constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"ef53:", "ext4"},        {"58465342:", "xfs"}, {"9123683e:", "btrfs"}, {"1021994:", "tmpfs"},
        {"794c7630:", "overlay"}, {"6969:", "nfs"},     {"2fc12fc1:", "zfs"},   {"f2f52010:", "f2fs"},
        {"65735546:", "fuse"},    {"4d44:", "fat"},     {"2011bab0:", "exfat"}, {"fe534d42:", "smb"},
    };
    for (auto [start, name] : names) {
        if (id.starts_with(start)) return name;
    }
    return "";
}

/// What older versions recorded of a root where inodes do not last.
bool was_told_by_passing_inode(const RootIdentity& identity) {
    std::string_view name = file_system_name(identity.file_system);
    return name == "fuse" || name == "fat" || name == "exfat";
}

std::string describe(const RootIdentity& identity) {
    std::string kind(kind_name(identity.kind));
    if (identity.inode == 0 && !identity.file_system.empty()) return kind + " on " + escape(identity.file_system);
    std::string_view name = file_system_name(identity.file_system);
    return kind + ", inode " + std::to_string(identity.inode) + " on file system " +
           (identity.file_system.empty() ? "unknown" : identity.file_system) +
           (name.empty() ? "" : " (" + std::string(name) + ")") +
           (identity.born == 0 ? "" : ", created " + format_time(identity.born));
}

std::string was_and_is(const RootFacts& root) {
    return root.shown + " was " + describe(*root.recorded) + " at the last sync and is " + describe(*root.now) + " now";
}

bool is_other_than_recorded(const RootFacts& root) { return root.now && root.recorded && *root.now != *root.recorded; }

void judge_source_root(const GuardFacts& facts, const Policy& policy, std::vector<Halt>& halts) {
    const RootFacts& source = facts.source;
    bool is_push = policy.direction == Direction::push;
    bool is_other = is_other_than_recorded(source);
    bool is_usable = source.now && source.now->is_directory();
    if (is_other && (!policy.adopt || !is_usable)) {
        halts.push_back({is_push ? Guard::root_changed : Guard::remote_changed, was_and_is(source),
                         "bring the former directory back (is it mounted?)" +
                             (is_usable ? adopt_hint(facts) : empty_and_adopt_hint(facts))});
    } else if (!is_usable && is_push) {
        std::string detail = "the source root " + source.shown + (source.now ? " is no directory" : " is gone");
        halts.push_back({Guard::root_missing, detail,
                         "bring it back (is it mounted?), or correct " + said(facts, "`root`", "--root") +
                             empty_and_adopt_hint(facts)});
    } else if (!is_usable) {
        halts.push_back({Guard::remote_missing, "there is no directory " + source.shown + " to pull from",
                         "correct " + said(facts, "`remote`", "the remote") + ", or push first"});
    }
}

void judge_target_root(const GuardFacts& facts, const Policy& policy, std::vector<Halt>& halts) {
    const RootFacts& target = facts.target;
    // What creates only what is missing can do no harm in a root that was made anew, and is how one restores it.
    bool only_adds =
        policy.direction == Direction::pull && policy.pull == PullPolicy::missing && is_directory(target.now);
    if (is_other_than_recorded(target) && !policy.adopt && !only_adds) {
        Guard guard = policy.direction == Direction::push ? Guard::remote_changed : Guard::root_changed;
        halts.push_back({guard, was_and_is(target), "look at what is in " + target.shown + " now" + adopt_hint(facts)});
    }
    if (facts.target_is_unsafe && policy.is_mirror()) {
        halts.push_back({Guard::unsafe_target,
                         target.shown +
                             " is /, a home directory or the root of all remote directories, and a mirror would "
                             "remove what is not in the source",
                         "choose a directory of its own, or a policy that deletes nothing"});
    }
}

uint64_t allowed_deletes(const GuardFacts& facts, const Plan& plan, const Policy& policy) {
    if (!policy.max_delete.is_percentage) return policy.max_delete.limit;
    // What recent runs removed was there when the allowance began to count.
    uint64_t files = plan.target_files + facts.recent_deletes;
    return std::max(free_deletes, files * policy.max_delete.limit / 100);
}

void judge_deletes(const GuardFacts& facts, const Plan& plan, const Policy& policy, std::vector<Halt>& halts) {
    if (plan.deletes == 0) return;
    if (!facts.whole_sync_recorded && plan.unrecorded_deletes > 0) {
        halts.push_back({Guard::no_baseline,
                         count_of(plan.unrecorded_deletes, "delete") + " planned in " + facts.target.shown +
                             " of what this job is not known to have put there, and no whole sync of it is recorded",
                         no_baseline_advice(facts, policy)});
    }
    uint64_t deletes = plan.deletes + facts.recent_deletes;
    uint64_t allowed = allowed_deletes(facts, plan, policy);
    if (deletes > allowed) {
        std::string limit = std::to_string(policy.max_delete.limit) + (policy.max_delete.is_percentage ? " %" : "");
        std::string recent = facts.recent_deletes == 0
                                 ? ""
                                 : " (" + std::to_string(facts.recent_deletes) + " of them in the last 10 minutes)";
        halts.push_back({Guard::max_delete,
                         count_of(deletes, "delete") + recent + " of " +
                             count_of(plan.target_files + facts.recent_deletes, "file") + " in " + facts.target.shown +
                             "; max_delete = " + limit + " allows " + std::to_string(allowed),
                         said(facts, "look at `syncline plan`, bring back what is missing, or raise max_delete",
                              "look at it with --dry-run, and bring back what is missing") +
                             adopt_hint(facts)});
    }
    if (facts.watcher_required && !facts.watcher_live) {
        halts.push_back({Guard::watcher_inactive, "deletes in a bucket need a live watcher that saw every change",
                         "start `syncline watch`" + adopt_hint(facts)});
    }
}

void sort_by_guard(std::vector<Halt>& halts) {
    std::stable_sort(halts.begin(), halts.end(), [](const Halt& a, const Halt& b) { return a.guard < b.guard; });
}

}  // namespace

bool RootIdentity::operator==(const RootIdentity& other) const {
    if (kind != other.kind) return false;
    bool one_is_older = (inode == 0) != (other.inode == 0);
    if (one_is_older) return was_told_by_passing_inode(inode == 0 ? other : *this);
    bool same_birth = born == other.born || born == 0 || other.born == 0;
    bool knows_uuids = !uuid.empty() && !other.uuid.empty();
    bool same_file_system = knows_uuids ? uuid == other.uuid : file_system == other.file_system;
    return same_file_system && inode == other.inode && same_birth;
}

std::string_view guard_code(Guard guard) {
    switch (guard) {
        case Guard::root_emptied: return "root-emptied";
        case Guard::root_missing: return "root-missing";
        case Guard::root_changed: return "root-changed";
        case Guard::remote_missing: return "remote-missing";
        case Guard::remote_changed: return "remote-changed";
        case Guard::unmounted: return "unmounted";
        case Guard::unsafe_target: return "unsafe-target";
        case Guard::incomplete_listing: return "incomplete-listing";
        case Guard::no_baseline: return "no-baseline";
        case Guard::max_delete: return "max-delete";
        case Guard::watcher_inactive: return "watcher-inactive";
    }
    return "";
}

std::vector<Halt> judge_roots(const GuardFacts& facts, const Policy& policy) {
    std::vector<Halt> halts;
    judge_source_root(facts, policy, halts);
    judge_target_root(facts, policy, halts);
    if (!facts.mountpoint.empty() && !facts.mountpoint_is_mounted) {
        halts.push_back({Guard::unmounted, "nothing is mounted on " + escape(facts.mountpoint), "mount it"});
    }
    sort_by_guard(halts);
    return halts;
}

Halt listing_too_large(const std::string& why) {
    return {Guard::incomplete_listing, why + "; it was given up there, and nothing was changed",
            "look at what is there; if so much is right, raise max_entries in [engine]"};
}

std::vector<Halt> judge_plan(const GuardFacts& facts, const Plan& plan, const Policy& policy) {
    std::vector<Halt> halts = judge_roots(facts, policy);
    if (!facts.target_listed_whole) {
        halts.push_back(
            {Guard::incomplete_listing,
             "the target " + facts.target.shown + " could not be listed whole: " + facts.target_listing_detail,
             "mend that, then run it again"});
    }
    if (!policy.adopt) {
        if (facts.selected_entries == 0 && facts.baseline_size >= 2) {
            halts.push_back({Guard::root_emptied,
                             "nothing is selected in " + facts.source.shown + " now; at the last sync there were " +
                                 std::to_string(facts.baseline_size) + " entries (emptied, unmounted, or a filter?)",
                             "bring the files back, or mend the filters" + adopt_hint(facts)});
        }
        judge_deletes(facts, plan, policy, halts);
    }
    sort_by_guard(halts);
    return halts;
}

}  // namespace syncline
