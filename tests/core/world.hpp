// A small world for planner tests: sides as maps from path to what stands there, and a model that applies plans to
// them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/rel_path.hpp"
#include "core/plan.hpp"

namespace syncline::test {

/// '-' absent, 'A' and 'B' files of equal size, 'L' and 'M' symlinks, 'D' a directory, 'S' a socket.
using Side = std::map<std::string, char, PathLess>;

inline Digest digest_of(char content) {
    Digest digest;
    digest.bytes[0] = static_cast<uint8_t>(content);
    return digest;
}

inline Kind kind_of(char what) {
    if (what == 'D') return Kind::directory;
    if (what == 'S') return Kind::special;
    return what == 'L' || what == 'M' ? Kind::symlink : Kind::file;
}

inline Entry entry_of(char what, bool with_digest) {
    Entry entry;
    entry.kind = kind_of(what);
    entry.mode = entry.kind == Kind::directory ? 0755 : 0644;
    entry.stamp = {10, 1000 + what, 1000 + what, static_cast<uint64_t>(what)};
    if (entry.kind == Kind::file && with_digest) {
        entry.digest = digest_of(what);
        entry.flags |= has_digest;
    }
    return entry;
}

inline std::string link_of(char what) { return std::string("to-") + what; }

inline Tree tree_of(const Side& side, bool with_digests = true) {
    TreeBuilder builder;
    for (const auto& [path, what] : side) builder.add(path, entry_of(what, with_digests), link_of(what));
    return builder.finish();
}

/// `found_there`: the paths that the target had before the job put anything there.
inline Baseline baseline_of(const Side& side, const std::set<std::string>& found_there = {}) {
    Baseline baseline;
    for (const auto& [path, what] : side) {
        BaselineEntry row;
        row.found_there = found_there.contains(path);
        row.kind = kind_of(what);
        row.size = 10;
        if (row.kind == Kind::file) {
            Stamp stamp = entry_of(what, false).stamp;
            row.digest = digest_of(what);
            row.set_source(stamp);
            row.set_target(stamp);
            row.set_source_mode(0644);
        }
        baseline.add(path, row, link_of(what));
    }
    return baseline;
}

struct Planned {
    Tree source, target;
    Plan plan;

    std::string path(const Action& action) const { return std::string(action_path(action, source, target)); }
};

inline Planned plan_of(const Side& source, const Side& target, const Side& baseline, const Policy& policy,
                       const std::vector<std::string>& incomplete = {}, const std::vector<std::string>& limits = {},
                       const std::set<std::string>& found_there = {}) {
    Planned planned{tree_of(source), tree_of(target), {}};
    Baseline rows = baseline_of(baseline, found_there);
    planned.plan = make_plan({planned.source, planned.target, rows, policy, incomplete, limits});
    return planned;
}

/// What the target holds after the plan was applied whole. Fails on an action whose ground is missing.
inline Side applied(const Planned& planned, const Side& source, Side target) {
    auto require = [](bool condition, const std::string& what) {
        if (!condition) throw std::logic_error(what);
    };
    for (const Action& action : planned.plan.actions) {
        std::string path = planned.path(action);
        std::string parent(parent_path(path));
        bool has_children = false;
        for (const auto& [other, what] : target) has_children |= other != path && is_at_or_below(other, path);
        switch (action.op) {
            case Op::conflict:
            case Op::move: break;  // planned where names fold alone
            case Op::chmod:
            case Op::touch: require(target.contains(path), "chmod of nothing: " + path); break;
            case Op::remove:
                require(target.contains(path) && target.at(path) != 'D', "delete of no file: " + path);
                target.erase(path);
                break;
            case Op::rmdir:
                require(target.contains(path) && target.at(path) == 'D' && !has_children,
                        "rmdir of a full directory: " + path);
                target.erase(path);
                break;
            case Op::put:
            case Op::symlink:
            case Op::mkdir:
                require(parent.empty() || (target.contains(parent) && target.at(parent) == 'D'),
                        "no parent for " + path);
                require(!has_children, "replaces a full directory: " + path);
                target[path] = source.at(path);
                break;
        }
    }
    return target;
}

/// The baseline after a run in which every action succeeded.
inline Side recorded(const Planned& planned, const Side& source, const Side& target_after, Side baseline) {
    for (const std::string& path : planned.plan.gone) baseline.erase(path);
    for (const EqualPair& pair : planned.plan.equal) {
        std::string path(planned.source.path(pair.source));
        baseline[path] = source.at(path);
    }
    for (const Action& action : planned.plan.actions) {
        std::string path = planned.path(action);
        if (action.op == Op::conflict || action.op == Op::chmod || action.op == Op::touch) continue;
        if (target_after.contains(path)) {
            baseline[path] = target_after.at(path);
        } else {
            baseline.erase(path);
        }
    }
    return baseline;
}

}  // namespace syncline::test
