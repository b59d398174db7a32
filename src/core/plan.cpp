#include "core/plan.hpp"

#include <algorithm>

#include "base/rel_path.hpp"
#include "core/closed_directories.hpp"
#include "core/planner.hpp"

namespace syncline {

std::string_view op_name(Op op) {
    switch (op) {
        case Op::put: return "put";
        case Op::mkdir: return "mkdir";
        case Op::symlink: return "symlink";
        case Op::chmod: return "chmod";
        case Op::remove: return "delete";
        case Op::rmdir: return "rmdir";
        case Op::conflict: return "conflict";
        case Op::touch: return "touch";
        case Op::move: return "move";
    }
    return "";
}

std::string_view reason_text(Reason reason) {
    switch (reason) {
        case Reason::missing_on_target: return "not on the target";
        case Reason::content_differs: return "content differs";
        case Reason::kind_differs: return "another kind of entry stands there";
        case Reason::link_differs: return "link target differs";
        case Reason::mode_differs: return "mode differs";
        case Reason::forced: return "forced";
        case Reason::gone_from_source: return "not in the source";
        case Reason::excluded_from_source: return "excluded from the source";
        case Reason::replaced_by_other_kind: return "makes room for what the source has there";
        case Reason::changed_on_both_sides: return "changed on both sides since the last sync";
        case Reason::differs_and_never_synced: return "differs on the target and was never synced";
        case Reason::replaces_other_kind: return "would replace a directory by a file or a file by a directory";
        case Reason::blocked_by_kept_entries: return "what must be kept on the target stands in its way";
        case Reason::remote_symlink: return "a symlink on the remote side is not pulled";
        case Reason::opened_for_changes: return "opened for the changes in it";
        case Reason::time_differs: return "time differs";
        case Reason::time_and_mode_differ: return "time and mode differ";
        case Reason::closed_after_changes: return "closed again after the changes in it";
        case Reason::case_differs: return "only the case of its name differs on the target";
        case Reason::names_collide:
            return "another name in the source differs from it only in case, and the target does not tell them apart; "
                   "rename one of them";
    }
    return "";
}

std::string way_out_of(Reason reason, const Policy& policy, const std::string& command) {
    bool is_push = policy.direction == Direction::push;
    switch (reason) {
        case Reason::changed_on_both_sides:
        case Reason::differs_and_never_synced:
            return is_push ? "to overwrite it: " + command + " --overwrite; to keep it: pull it first, with --update"
                           : "to overwrite it: " + command + " --update; to keep it: push it first";
        case Reason::replaces_other_kind:
            return "move one of them away; or, when the source is right: " + command + " --adopt";
        case Reason::blocked_by_kept_entries: return "move what is there away, or put it into the source, too";
        case Reason::remote_symlink:
            return "make it a file there, exclude it, or say pull_symlinks = \"inside\" in the job";
        default: return "";
    }
}

size_t Plan::count(Op op) const {
    return static_cast<size_t>(
        std::count_if(actions.begin(), actions.end(), [op](const Action& a) { return a.op == op; }));
}

size_t Plan::count_overwritten(Former former) const {
    auto is_counted = [former](const Action& a) { return a.former == former && a.phase != Phase::prune; };
    return static_cast<size_t>(std::count_if(actions.begin(), actions.end(), is_counted));
}

void Plan::forget_delete(const Action& action) {
    --deletes;
    if (action.former == Former::never_seen) --unrecorded_deletes;
}

Plan make_plan(const PlanInput& input) {
    Plan plan;
    Planner(input, plan).run();
    open_closed_directories(input, plan);
    return plan;
}

std::string_view action_path(const Action& action, const Tree& source, const Tree& target) {
    return action.source != Tree::none ? source.path(action.source) : target.path(action.target);
}

std::vector<std::string> vanished_mounts(const Tree& source, const Baseline& baseline) {
    std::vector<std::string> vanished;
    for (const BaselineEntry& known : baseline.entries()) {
        if (!known.mount_point) continue;
        std::string_view path = baseline.path(known);
        uint32_t found = source.find(path);
        if (found == Tree::none || !source[found].has(mount_point)) vanished.emplace_back(path);
    }
    return vanished;
}

}  // namespace syncline
