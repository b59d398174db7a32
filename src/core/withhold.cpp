#include "core/withhold.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr size_t most_paths = 100'000;

bool is_of_missing(const Action& action) {
    return action.phase == Phase::prune &&
           (action.reason == Reason::gone_from_source || action.reason == Reason::replaced_by_other_kind);
}

}  // namespace

void GonePaths::add(std::string_view path) {
    if (paths_.size() >= most_paths) {
        drop_inner();
        bool is_little_help = paths_.size() > most_paths / 2;
        if (is_little_help) paths_.clear();
    }
    paths_.emplace(path);
}

void GonePaths::add(const GonePaths& other) {
    for (const std::string& path : other.paths_) add(path);
}

/// A directory is told of after what was in it.
void GonePaths::drop_inner() {
    for (auto outer = paths_.begin(); outer != paths_.end(); ++outer) {
        auto inner = std::next(outer);
        while (inner != paths_.end() && is_at_or_below(*inner, *outer)) inner = paths_.erase(inner);
    }
}

bool GonePaths::contains(std::string_view path) const {
    for (; !path.empty(); path = parent_path(path)) {
        if (paths_.contains(path)) return true;
    }
    return false;
}

std::vector<std::string> withhold_unseen(Plan& plan, const Tree& target, const GonePaths& gone) {
    std::set<std::string, PathLess> kept;
    auto path_of = [&](const Action& action) { return target.path(action.target); };
    for (const Action& action : plan.actions) {
        bool stays = is_of_missing(action) && !gone.contains(path_of(action));
        if (stays) kept.emplace(path_of(action));
    }
    if (kept.empty()) return {};

    auto holds_kept = [&](std::string_view directory) {
        auto first = kept.lower_bound(directory);
        return first != kept.end() && is_at_or_below(*first, directory);
    };
    auto is_withheld = [&](const Action& action) {
        if (is_of_missing(action)) return kept.contains(path_of(action)) || holds_kept(path_of(action));
        return action.phase == Phase::replace && action.target != Tree::none && holds_kept(path_of(action));
    };
    std::vector<std::string> told;
    for (const Action& action : plan.actions) {
        if (!is_withheld(action) || !is_of_missing(action)) continue;
        auto [first, last] = target.range_below(path_of(action));
        if (first != last) continue;
        told.emplace_back(path_of(action));
        plan.forget_delete(action);
        ++plan.left.withheld;
    }
    std::erase_if(plan.actions, is_withheld);
    return told;
}

void FailedPaths::add(std::string_view path) { directories_.emplace(parent_path(path), path); }

const std::string* FailedPaths::beside(std::string_view path) const {
    if (directories_.empty()) return nullptr;
    while (!path.empty()) {
        path = parent_path(path);
        auto found = directories_.find(path);
        if (found != directories_.end()) return &found->second;
    }
    return nullptr;
}

std::string why_withheld(const std::string& failed, bool adopts) {
    return "kept, since " + escape(failed) +
           " could not be synced, and it may have moved to there; mend that, or exclude it" +
           (adopts ? " (--adopt does not change this)" : "");
}

std::vector<std::string> withhold_beside(Plan& plan, const Tree& target, const FailedPaths& failed) {
    std::vector<std::string> told;
    auto is_withheld = [&](const Action& action) {
        bool takes_away = action.phase == Phase::prune || action.phase == Phase::replace;
        return takes_away && failed.beside(target.path(action.target)) != nullptr;
    };
    for (const Action& action : plan.actions) {
        if (!is_withheld(action)) continue;
        std::string_view path = target.path(action.target);
        told.emplace_back(path);
        auto [first, last] = target.range_below(path);
        if (action.phase == Phase::prune && first == last) plan.forget_delete(action);
    }
    std::erase_if(plan.actions, is_withheld);
    return told;
}

}  // namespace syncline
