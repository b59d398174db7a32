// Plan: the ordered actions of one run, each with its reason. A pure function of both trees, the baseline and the
// policy; no order of listing and no degree of parallelism shows in it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/baseline.hpp"
#include "core/policy.hpp"
#include "core/tree.hpp"

namespace syncline {

/// The names that `plan --json` gives are those of op_name.
enum class Op : uint8_t { put, mkdir, symlink, chmod, remove, rmdir, conflict, touch, move };

/// "put", "mkdir", "symlink", "chmod", "delete", "rmdir", "conflict", "touch", "move".
std::string_view op_name(Op op);

enum class Reason : uint8_t {
    missing_on_target,
    content_differs,
    kind_differs,
    link_differs,
    mode_differs,
    forced,
    gone_from_source,
    excluded_from_source,      ///< delete_excluded
    replaced_by_other_kind,    ///< removed because what is to stand here is no directory
    changed_on_both_sides,     ///< conflict
    differs_and_never_synced,  ///< conflict
    replaces_other_kind,  ///< conflict: a directory and a file in each other's place, and this policy deletes nothing
    blocked_by_kept_entries,  ///< conflict: what must be kept stands in its way
    remote_symlink,           ///< conflict: a pull refuses it
    opened_for_changes,       ///< a read-only directory of the target, in which something is to change
    closed_after_changes,     ///< the same, given back its mode
    time_differs,
    time_and_mode_differ,
    case_differs,   ///< move: the target does not tell both names apart
    names_collide,  ///< conflict: two names of the source are one on the target
};

/// A sentence's end: "not on the target", "content differs".
std::string_view reason_text(Reason reason);

/// What an action overwrites or removes, seen from the baseline.
enum class Former : uint8_t {
    recorded,    ///< nothing, or what the last sync left there
    changed,     ///< somebody changed it on the target since
    never_seen,  ///< it is in no baseline
};

/// What to do about a conflict; `command` is the run's own: "syncline push thesis".
std::string way_out_of(Reason reason, const Policy& policy, const std::string& command);

/// When an action is done. Deletes come after everything that does not need them.
enum class Phase : uint8_t { open, build, prune, replace, finish };

struct Action {
    Op op = Op::put;
    Reason reason = Reason::missing_on_target;
    Phase phase = Phase::build;
    uint16_t mode = 0;             ///< permission bits for put, mkdir, chmod and touch
    uint32_t source = Tree::none;  ///< index into the source tree; none for deletes
    uint32_t target = Tree::none;  ///< index into the target tree; none when nothing is there
    Former former = Former::recorded;

    bool operator==(const Action&) const = default;
};

/// A pair of equal entries: what the baseline should say after the run, whatever else happens.
struct EqualPair {
    uint32_t source = Tree::none;
    uint32_t target = Tree::none;
    bool found_there = false;  ///< for the row: the job did not put what the target has
    /// An action of this plan brings its target's mode or time after the source's: the row waits for that.
    bool awaits_action = false;
};

/// Contents that must be known before the plan can be made: indices into the trees.
struct Needs {
    std::vector<uint32_t> source_digests;
    std::vector<uint32_t> target_digests;
    std::vector<uint32_t> target_markers;  ///< is this local file `@generated`?

    bool empty() const { return source_digests.empty() && target_digests.empty() && target_markers.empty(); }
};

/// What differs between the sides and stays so, because the policy says so: files and symlinks.
struct LeftAlone {
    uint64_t missing = 0;    ///< only in the source of a pull
    uint64_t differing = 0;  ///< on both sides
    uint64_t extra = 0;      ///< only on the target of a push
    uint64_t withheld = 0;   ///< the same, and would go if a watcher had seen them go

    bool operator==(const LeftAlone&) const = default;
};

/// One clause for people, or "" when nothing is: "3 files are only on cse, 1 differs: pull = generated leaves them (see
/// --missing, --update, --overwrite)". `there` is the other side, with its preposition: "on cse".
std::string left_alone_text(const LeftAlone& left, const Policy& policy, std::string_view there);

/// A rename on the target to another spelling of the same name.
struct CaseMove {
    std::string from, to;

    bool operator==(const CaseMove&) const = default;
};

struct Plan {
    Needs needs;                    ///< when not empty the rest is only a draft: fill them in and plan again
    std::vector<Action> actions;    ///< in the order in which they are done, by phase
    std::vector<CaseMove> moves;    ///< from where the actions `move` bring something, in their order
    std::vector<EqualPair> equal;   ///< pairs whose baseline row is missing or outdated
    std::vector<std::string> gone;  ///< baseline rows to forget: on neither side any more
    std::vector<Problem> notes;     ///< worth a word, no failure: special files, target edits left alone
    std::vector<Problem> problems;  ///< exit status 4: what could not be decided because it could not be read
    LeftAlone left;
    uint64_t unchanged = 0;  ///< selected entries that are equal on both sides
    uint64_t bytes = 0;      ///< content that puts will write
    uint64_t deletes = 0;    ///< files, symlinks, special files and empty directories that go, replaced ones included
    uint64_t unrecorded_deletes = 0;  ///< of these, what is in no baseline
    uint64_t target_files = 0;        ///< the same on the target, selected: what a percentage is of

    size_t count(Op op) const;
    /// What is overwritten, and was that.
    size_t count_overwritten(Former former) const;
    /// Takes the delete that `action` is from the counts.
    void forget_delete(const Action& action);
};

struct PlanInput {
    const Tree& source;
    const Tree& target;
    const Baseline& baseline;
    const Policy& policy;
    /// Directories of the source, "" for the root, that could not be listed or whose entries are not all known. Nothing
    /// at or below one is deleted or replaced.
    const std::vector<std::string>& source_incomplete;
    /// Sorted paths to which the run is limited: only these and what is below them, and the directories that lead
    /// there. Empty: the whole tree.
    const std::vector<std::string>& limits;
    /// Sorted directories of which it is not known what is selected in them: nothing at or below one is touched.
    std::span<const std::string> unjudged = {};
    /// Names of the files that decide what is selected: a pull, whose target they are, deletes none of them.
    std::span<const std::string> rule_files = {};
    /// Which symlinks of the source a pull makes; others it refuses.
    PullLinks pull_links = PullLinks::refuse;
    /// What is left alone may be read, so that it can be said whether it differs.
    bool compares_what_it_leaves = false;
    /// Times follow where the source's changed; else they are left alone.
    bool follows_times = false;
};

/// Directories that were mount points when the baseline was recorded and are none any more: they count as incomplete.
std::vector<std::string> vanished_mounts(const Tree& source, const Baseline& baseline);

Plan make_plan(const PlanInput& input);

/// The path an action is about.
std::string_view action_path(const Action& action, const Tree& source, const Tree& target);

}  // namespace syncline
