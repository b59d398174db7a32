#include "endpoint/ssh_prune.hpp"

#include "base/rel_path.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

/// Packages, build trees and caches. Plain names: they become patterns of find.
constexpr std::string_view large_names[] = {
    ".git",
    "node_modules",
    "bower_components",
    "target",
    "build",
    "dist",
    "out",
    ".venv",
    "venv",
    ".tox",
    "__pycache__",
    ".mypy_cache",
    ".gradle",
    ".cache",
    ".next",
    ".nuxt",
    "vendor",
    ".terraform",
    ".ccls-cache",
    "Pods",
    "DerivedData",
    "coverage",
    ".direnv",
    ".stack-work",
    "_build",
    "cmake-build-debug",
};

bool is_descended_all(const ListRequest& request) {
    return request.filter == nullptr || (request.is_target && request.descend_unselected);
}

bool is_git_left_out(const ListRequest& request) {
    return request.filter != nullptr && request.filter->judge(nullptr, ".git", true) == Verdict::Choice::unselected;
}

}  // namespace

bool is_pruned(const ListRequest& request, std::string_view path) {
    if (fs::is_own_name(last_name(path))) return true;
    if (last_name(path) == ".git" && is_git_left_out(request)) return true;
    if (is_descended_all(request)) return false;
    IgnoreChain chain = request.ignores == nullptr ? nullptr : request.ignores->chain_for(parent_path(path));
    return request.filter->judge(chain, path, true) == Verdict::Choice::unselected;
}

std::vector<std::string> names_to_prune(const ListRequest& request) {
    std::vector<std::string> names;
    for (std::string_view name : large_names) {
        if (is_pruned(request, name)) names.emplace_back(name);
    }
    return names;
}

}  // namespace syncline
