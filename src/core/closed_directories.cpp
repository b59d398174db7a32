#include "core/closed_directories.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/rel_path.hpp"

namespace syncline {
namespace {

constexpr uint16_t owner_access = 0700;

bool is_closed(const Entry& entry) {
    return entry.kind == Kind::directory && (entry.mode & owner_access) != owner_access;
}

/// Whether the action makes or takes away a name in the directory that holds it.
bool changes_its_directory(const Action& action) {
    return action.op != Op::chmod && action.op != Op::touch && action.op != Op::conflict;
}

/// In path order, each once. Actions of one phase come by directory, so the last one found is remembered.
std::vector<uint32_t> directories_to_open(const PlanInput& input, const Plan& plan) {
    std::vector<uint32_t> found;
    std::string_view last;
    for (const Action& action : plan.actions) {
        if (!changes_its_directory(action)) continue;
        std::string_view directory = parent_path(action_path(action, input.source, input.target));
        if (directory.empty() || directory == last) continue;
        last = directory;
        uint32_t index = input.target.find(directory);
        if (index != Tree::none && is_closed(input.target[index])) found.push_back(index);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

/// What the plan itself gives another mode at its end, or does not leave as a directory.
std::unordered_set<uint32_t> settled_by_the_plan(const Plan& plan) {
    std::unordered_set<uint32_t> settled;
    for (const Action& action : plan.actions) {
        if (action.target != Tree::none && action.op != Op::conflict) settled.insert(action.target);
    }
    return settled;
}

}  // namespace

void open_closed_directories(const PlanInput& input, Plan& plan) {
    const Policy& policy = input.policy;
    if (policy.direction == Direction::pull || policy.permissions != PermissionPolicy::preserve) return;
    if (std::none_of(input.target.entries().begin(), input.target.entries().end(), is_closed)) return;
    std::vector<uint32_t> closed = directories_to_open(input, plan);
    if (closed.empty()) return;
    std::unordered_set<uint32_t> settled = settled_by_the_plan(plan);
    std::vector<Action> opening;
    for (uint32_t index : closed) {
        const uint16_t mode = input.target[index].mode & 0777;
        const uint16_t open_mode = mode | owner_access;
        opening.push_back({Op::chmod, Reason::opened_for_changes, Phase::open, open_mode, Tree::none, index});
        if (settled.contains(index)) continue;
        plan.actions.push_back({Op::chmod, Reason::closed_after_changes, Phase::finish, mode, Tree::none, index});
    }
    plan.actions.insert(plan.actions.begin(), opening.begin(), opening.end());
}

}  // namespace syncline
