#include "core/change_set.hpp"

#include <algorithm>

namespace syncline {
namespace {

/// Beyond it, looking at everything is cheaper than remembering what to look at.
constexpr size_t most_paths = 100'000;

void drop_inner(std::vector<std::string>& sorted) {
    auto last = sorted.begin();
    for (auto at = sorted.begin(); at != sorted.end(); ++at) {
        bool is_inner = last != sorted.begin() && is_at_or_below(*at, *(last - 1));
        if (is_inner) continue;
        if (last != at) *last = std::move(*at);
        ++last;
    }
    sorted.erase(last, sorted.end());
}

}  // namespace

void ChangeSet::add(std::string_view path) {
    if (everything_) return;
    if (path.empty() || paths_.size() >= most_paths) return add_everything();
    paths_.emplace(path);
}

void ChangeSet::add_gone(std::string_view path) {
    add(path);
    gone_.add(path);
    forget_within(path);
}

void ChangeSet::forget_within(std::string_view path) {
    for (auto* files : {&closed_, &open_}) {
        auto first = files->lower_bound(path), last = first;
        while (last != files->end() && is_at_or_below(*last, path)) ++last;
        files->erase(first, last);
    }
}

void ChangeSet::add_closed(std::string_view path) {
    add(path);
    open_.erase(std::string(path));
    if (closed_.size() < most_paths) closed_.emplace(path);
}

void ChangeSet::add_open(std::string_view path) {
    if (open_.size() >= most_paths) return add(path);
    open_.emplace(path);
    paths_.erase(std::string(path));
}

void ChangeSet::add_everything() {
    everything_ = true;
    paths_.clear();
}

void ChangeSet::add(const ChangeSet& other) {
    gone_.add(other.gone_);
    inodes_.insert(other.inodes_.begin(), other.inodes_.end());
    for (const std::string& path : other.closed_) add_closed(path);
    for (const std::string& path : other.open_) add_open(path);
    if (other.everything_) return add_everything();
    for (const std::string& path : other.paths_) add(path);
}

std::vector<std::string> ChangeSet::paths() const {
    std::vector<std::string> all(paths_.begin(), paths_.end());
    drop_inner(all);
    return all;
}

std::vector<std::string> ChangeSet::named() const {
    std::vector<std::string> all(paths_.begin(), paths_.end());
    all.insert(all.end(), open_.begin(), open_.end());
    return all;
}

std::vector<std::string> outermost_paths(std::vector<std::string> paths) {
    std::sort(paths.begin(), paths.end(), PathLess{});
    drop_inner(paths);
    return paths;
}

}  // namespace syncline
