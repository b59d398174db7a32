#include "core/taken_aside.hpp"

#include <algorithm>
#include <map>

#include "base/rel_path.hpp"
#include "core/own_names.hpp"

namespace syncline {
namespace {

using ByDirectory = std::multimap<std::string_view, TakenAside*>;

template <class Use>
void for_each_taken_from(const ByDirectory& all, std::string_view path, Use use) {
    auto [first, last] = all.equal_range(parent_path(path));
    for (auto at = first; at != last; ++at) {
        TakenAside& item = *at->second;
        if (!is_aside_of(last_name(item.path), last_name(path))) continue;
        item.original = path;
        use(item);
    }
}

void learn_from_tree(const ByDirectory& all, const Tree& tree) {
    for (const Entry& entry : tree.entries()) {
        for_each_taken_from(all, tree.path(entry), [&](TakenAside& item) {
            if (entry.has(has_digest)) item.known_contents.push_back(entry.digest);
            if (entry.kind == Kind::symlink) item.known_links.emplace_back(tree.link(entry));
        });
    }
}

void learn_from_baseline(const ByDirectory& all, const Baseline& baseline) {
    for (const BaselineEntry& row : baseline.entries()) {
        for_each_taken_from(all, baseline.path(row), [&](TakenAside& item) {
            if (row.kind == Kind::file) item.known_contents.push_back(row.digest);
            if (row.kind == Kind::symlink) item.known_links.emplace_back(baseline.link(row));
        });
    }
}

}  // namespace

std::vector<TakenAside> trace_taken_aside(const std::vector<std::string>& paths, const Tree& source, const Tree& target,
                                          const Baseline& baseline) {
    std::vector<TakenAside> items(paths.size());
    ByDirectory by_directory;
    for (size_t i = 0; i < paths.size(); ++i) {
        items[i].path = paths[i];
        by_directory.emplace(parent_path(paths[i]), &items[i]);
    }
    learn_from_tree(by_directory, source);
    learn_from_tree(by_directory, target);
    learn_from_baseline(by_directory, baseline);
    return items;
}

void leave_alone(Plan& plan, const Tree& source, const Tree& target, const std::vector<std::string>& paths) {
    auto touches = [&](const Action& action) {
        bool takes_nothing =
            action.op == Op::chmod || action.op == Op::touch || action.op == Op::move || action.op == Op::conflict;
        if (takes_nothing || action.target == Tree::none) return false;
        std::string_view path = action_path(action, source, target);
        return std::any_of(paths.begin(), paths.end(), [&](const std::string& kept) {
            return is_at_or_below(kept, path) || is_at_or_below(path, kept);
        });
    };
    for (const Action& action : plan.actions) {
        bool is_counted = action.phase == Phase::prune && touches(action);
        if (!is_counted) continue;
        auto [first, last] = target.range_below(target.path(action.target));
        if (first == last) plan.forget_delete(action);
    }
    std::erase_if(plan.actions, touches);
}

}  // namespace syncline
