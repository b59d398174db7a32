#include "endpoint/ssh_tree.hpp"

#include <algorithm>
#include <functional>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/own_names.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

using Choice = Verdict::Choice;

constexpr size_t many_entries = 50'000;
constexpr size_t most_problems = 10'000;
constexpr size_t huge_count = 2'000'000;
constexpr size_t huge_name_bytes = size_t{256} << 20;

// A tree holds whole paths, whose sum grows with the square of the depth.
constexpr size_t max_path_bytes = size_t{32} << 10;

/// The last directory of `path` that is not too long.
std::string_view clip(std::string_view path) { return path.substr(0, path.rfind('/', max_path_bytes)); }

bool path_before(const Problem& a, const Problem& b) { return compare_paths(a.path, b.path) < 0; }

}  // namespace

RemoteTree::RemoteTree(const ListRequest& request, std::atomic<uint64_t>* scanned)
    : request_(request), scanned_(scanned), budget_(request.max_entries) {
    open_.emplace_back();
}

void RemoteTree::add(std::string_view path, const RemoteEntry& entry, std::string_view link) {
    last_is_descended_ = false;
    budget_.take(path.size() + link.size());
    if (path.size() > max_path_bytes) return add_problem(clip(path), "its path is too long");
    if (path.empty() || !is_valid_path(path)) return refuse("names an impossible path, " + escape(path));
    if (!find_parent(path)) return refuse("names " + escape(path) + ", whose directory it did not name as one");
    Open& parent = open_.back();
    std::string_view name = last_name(path);
    if (!parent.descended) {
        if (entry.kind == Kind::directory) open(path, entry, Choice::unselected, false, true);
        return;
    }
    if (!parent.names.insert(std::hash<std::string_view>{}(name)).second)
        return refuse("names " + escape(path) + " twice");
    if (scanned_ != nullptr) scanned_->fetch_add(1, std::memory_order_relaxed);
    if (fs::is_own_name(name)) {
        (is_aside_name(name) ? listing_.taken_aside : listing_.leftovers).emplace_back(path);
        if (entry.kind == Kind::directory) open(path, entry, Choice::unselected, false, true);
        return;
    }
    if (is_kept_name(name)) listing_.kept.emplace_back(path);
    keep(path, entry, judge(path, entry), link);
}

/// Closes directories until the innermost open one is that of `path`.
bool RemoteTree::find_parent(std::string_view path) {
    std::string_view parent = parent_path(path);
    while (open_.size() > 1 && path_ != parent) {
        bool may_come_later = is_at_or_below(parent, path_);
        if (may_come_later) return false;
        close_last();
    }
    return path_ == parent;
}

Choice RemoteTree::judge(std::string_view path, const RemoteEntry& entry) {
    Open& parent = open_.back();
    if (parent.choice == Choice::unselected) return Choice::unselected;
    bool is_skipped = entry.kind == Kind::symlink && request_.symlinks == SymlinkPolicy::skip;
    if (is_skipped || is_kept_name(last_name(path))) return Choice::unselected;
    if (request_.filter == nullptr) return Choice::selected;
    if (request_.ignores != nullptr && !parent.chain_known)
        parent.chain = request_.ignores->chain_for(parent_path(path));
    parent.chain_known = true;
    return request_.filter->judge(parent.chain, path, entry.kind == Kind::directory);
}

void RemoteTree::keep(std::string_view path, const RemoteEntry& entry, Choice choice, std::string_view link) {
    bool is_directory = entry.kind == Kind::directory;
    bool is_pinned = last_name(path) == ".git" || is_kept_name(last_name(path));
    if (choice == Choice::unselected) {
        bool is_skipped = entry.kind == Kind::symlink && request_.symlinks == SymlinkPolicy::skip;
        if (request_.is_target || is_skipped)
            put(open_.back(), path, entry, is_pinned ? unselected | pinned : unselected, link);
        bool descended = request_.is_target && request_.descend_unselected && !is_pinned;
        if (is_directory) open(path, entry, choice, descended, true);
    } else if (choice == Choice::passage && is_directory) {
        open(path, entry, choice, true, false);
    } else {
        add_passages();
        put(open_.back(), path, entry, 0, link);
        if (is_directory) open(path, entry, choice, true, true);
    }
}

void RemoteTree::open(std::string_view path, const RemoteEntry& entry, Choice choice, bool descended, bool is_in_tree) {
    path_ = path;
    Open& directory = open_.emplace_back();
    directory.path_size = path.size();
    directory.choice = choice;
    directory.descended = descended;
    directory.is_in_tree = is_in_tree;
    directory.device = entry.device;
    directory.entry = entry;
    last_is_descended_ = descended;
    bool is_left_out = std::find(pruned_.begin(), pruned_.end(), last_name(path)) != pruned_.end();
    if (descended && is_left_out) missed_some_ = true;
}

void RemoteTree::close_last() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    if (!closed.is_in_tree && request_.is_target) put(open_.back(), path_, closed.entry, unselected, {});
    path_.resize(open_.back().path_size);
}

/// Something below them is selected, so the directories that lead there are, too.
void RemoteTree::add_passages() {
    for (size_t i = 1; i < open_.size(); ++i) {
        Open& directory = open_[i];
        if (directory.is_in_tree) continue;
        directory.is_in_tree = true;
        put(open_[i - 1], std::string_view(path_).substr(0, directory.path_size), directory.entry, 0, {});
    }
}

void RemoteTree::put(const Open& parent, std::string_view path, const RemoteEntry& said, uint8_t flags,
                     std::string_view link) {
    // What is reserved and never written costs no memory; growing would for a moment hold everything twice.
    if (++entries_ == many_entries) builder_.reserve(huge_count, huge_name_bytes);
    Entry entry;
    entry.kind = said.kind;
    entry.mode = said.mode & 07777;
    entry.stamp = said.stamp;
    entry.flags = flags;
    if (said.kind == Kind::directory && said.device != parent.device) entry.flags |= mount_point;
    builder_.add(path, entry, link);
}

void RemoteTree::add_problem(std::string_view path, std::string why) {
    if (!is_valid_path(path) || listing_.problems.size() >= most_problems) path = "";
    if (listing_.problems.size() > most_problems) return;
    listing_.incomplete.emplace_back(path);
    listing_.problems.push_back({std::string(path), std::move(why)});
}

void RemoteTree::refuse(std::string why) { add_problem("", "the server " + std::move(why)); }

Listing RemoteTree::finish(TimeNs started_at) {
    while (open_.size() > 1) close_last();
    listing_.started_at = started_at;
    std::vector<std::string>& incomplete = listing_.incomplete;
    std::sort(incomplete.begin(), incomplete.end(), PathLess{});
    incomplete.erase(std::unique(incomplete.begin(), incomplete.end()), incomplete.end());
    std::stable_sort(listing_.problems.begin(), listing_.problems.end(), path_before);
    std::sort(listing_.leftovers.begin(), listing_.leftovers.end(), PathLess{});
    std::sort(listing_.taken_aside.begin(), listing_.taken_aside.end(), PathLess{});
    std::sort(listing_.kept.begin(), listing_.kept.end(), PathLess{});
    listing_.tree = builder_.finish();
    return std::move(listing_);
}

}  // namespace syncline
