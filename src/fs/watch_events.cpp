// WatchTree: what the kernel tells, and what becomes of it.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "fs/watch_tree.hpp"

namespace syncline::fs {
namespace {

constexpr std::string_view repository_name = ".git";

bool came_or_went(uint32_t mask) { return (mask & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0; }

}  // namespace

void WatchTree::drain() {
    std::lock_guard lock(mutex_);
    read_events();
}

bool WatchTree::prove() {
    std::lock_guard lock(mutex_);
    if (end_ != WatchEnd::none || own_watch_ < 0) return false;
    cookie_ = "watch-" + std::to_string(::getpid()) + "-" + std::to_string(reinterpret_cast<uintptr_t>(this)) + "-" +
              std::to_string(++cookies_);
    cookie_seen_ = false;
    Fd file(::openat(own_fd_.get(), cookie_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file) ::unlinkat(own_fd_.get(), cookie_.c_str(), 0);
    read_events();
    if (end_ == WatchEnd::none && !is_root_in_place()) end(WatchEnd::root);
    if (end_ == WatchEnd::none && rule_stamps() != rule_stamps_) end(WatchEnd::rules);
    if (end_ == WatchEnd::none && !cookie_seen_) {
        end(WatchEnd::failed,
            "the watcher of " + escape(request_.root) + " did not tell of a file in " + escape(request_.own_directory));
    }
    return end_ == WatchEnd::none;
}

ChangeSet WatchTree::take() {
    std::lock_guard lock(mutex_);
    ChangeSet changes = std::exchange(changes_, {});
    if (end_ == WatchEnd::none) note_other_names(changes);
    return changes;
}

/// Only the name by which a file was written is told; the kernel does not know the others.
void WatchTree::note_other_names(ChangeSet& changes) const {
    for (const std::string& path : changes.named()) {
        struct statx status;
        Fd directory = open_directory(root_fd_.get(), parent_path(path));
        if (!directory) continue;
        std::string name(last_name(path));
        if (::statx(directory.get(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_NLINK,
                    &status) != 0)
            continue;
        if (S_ISREG(status.stx_mode) && status.stx_nlink > 1) changes.add_inode(status.stx_ino);
    }
}

size_t WatchTree::pending() {
    std::lock_guard lock(mutex_);
    return changes_.everything() ? 1 : changes_.size();
}

WatchEnd WatchTree::broken() {
    std::lock_guard lock(mutex_);
    return end_;
}

std::string WatchTree::trouble() {
    std::lock_guard lock(mutex_);
    if (!trouble_.empty() || unwatched_ == 0) return trouble_;
    std::string others = unwatched_ == 1 ? "" : " (and " + std::to_string(unwatched_ - 1) + " more)";
    return "cannot be watched: " + first_unwatched_ + others;
}

uint64_t WatchTree::news() {
    std::lock_guard lock(mutex_);
    return news_;
}

size_t WatchTree::directories() {
    std::lock_guard lock(mutex_);
    return nodes_.size();
}

void WatchTree::read_events() {
    for (const InotifyEvent& event : inbox_.take()) {
        if (end_ == WatchEnd::none) handle(event);
    }
}

void WatchTree::handle(const InotifyEvent& event) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        return end(WatchEnd::overflow, "more happened in " + escape(request_.root) +
                                           " than the kernel could queue; everything is looked at again "
                                           "(fs.inotify.max_queued_events)");
    }
    if (handle_surroundings(event)) return;
    auto known = nodes_.find(event.watch);
    if (known == nodes_.end()) return;
    Node& node = *known->second;
    bool is_root_gone =
        &node == &root_ && (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0;
    if (is_root_gone) return end(WatchEnd::root);
    if ((event.mask & IN_UNMOUNT) != 0) return end(WatchEnd::root);  // What was below the mount shows now.
    if ((event.mask & IN_IGNORED) != 0) {
        node.watch = -1;
        nodes_.erase(known);
        return;
    }
    if (!event.name.empty()) handle_named(node, event.mask, event.name);
}

/// True when the event is about nothing in the tree.
bool WatchTree::handle_surroundings(const InotifyEvent& event) {
    if (event.watch == own_watch_ && event.name == cookie_) cookie_seen_ = true;
    bool is_on_the_way = std::find(way_to_root_.begin(), way_to_root_.end(), event.watch) != way_to_root_.end();
    if (is_on_the_way && (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && !is_root_in_place()) {
        end(WatchEnd::root);
        return true;
    }
    auto rules = rules_.find(event.watch);
    if (rules == rules_.end()) return false;
    if (std::find(rules->second.begin(), rules->second.end(), event.name) == rules->second.end()) return false;
    end(WatchEnd::rules);
    return true;
}

bool WatchTree::is_rule_name(std::string_view name, uint32_t mask) const {
    if (request_.ignore_files.empty()) return false;
    if (name == repository_name) return came_or_went(mask);  // A repository begins or ends here, and rules with it.
    return std::find(request_.ignore_files.begin(), request_.ignore_files.end(), name) != request_.ignore_files.end();
}

void WatchTree::handle_named(Node& node, uint32_t mask, std::string_view name) {
    if (is_own_name(name)) return;
    if (is_rule_name(name, mask)) return end(WatchEnd::rules);
    bool is_directory = (mask & IN_ISDIR) != 0;
    std::string directory = path_of(node);
    std::string path = join_path(directory, name);
    Verdict::Choice choice = request_.filter.judge(ignores_->chain_for(directory), path, is_directory);
    if (choice == Verdict::Choice::unselected) return;
    if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
        changes_.add_gone(path);
    } else if ((mask & IN_CLOSE_WRITE) != 0) {
        changes_.add_closed(path);
    } else if ((mask & IN_MODIFY) != 0) {
        changes_.add_open(path);
    } else {
        changes_.add(path);
    }
    ++news_;
    if (is_directory) follow_directory(node, mask, name);
}

void WatchTree::follow_directory(Node& parent, uint32_t mask, std::string_view name) {
    bool is_known = parent.children.contains(name);
    bool is_watched = is_known && parent.children.find(name)->second->watch >= 0;
    if ((mask & (IN_MOVED_FROM | IN_DELETE)) != 0) return drop_child(parent, name);
    if ((mask & IN_MOVED_TO) != 0) drop_child(parent, name);
    // A scan of the parent may have found it before its creation was told. One that could not be watched may have been
    // given the right mode.
    bool is_news = (mask & IN_MOVED_TO) != 0 || !is_watched;
    if (!is_news) return;
    std::unique_ptr<Node>& child = parent.children[std::string(name)];
    if (!child) child = std::make_unique<Node>();
    child->parent = &parent;
    child->name = name;
    scan(*child, {});
}

void WatchTree::drop_child(Node& parent, std::string_view name) {
    auto found = parent.children.find(name);
    if (found == parent.children.end()) return;
    drop(*found->second);
    parent.children.erase(found);
}

/// What is still queued of these watches finds no node.
void WatchTree::drop(Node& node) {
    std::vector<Node*> waiting{&node};
    while (!waiting.empty()) {
        Node* at = waiting.back();
        waiting.pop_back();
        for (auto& [name, child] : at->children) waiting.push_back(child.get());
        if (at->watch < 0) continue;
        nodes_.erase(at->watch);
        inbox_.forget(at->watch);
        at->watch = -1;
    }
}

}  // namespace syncline::fs
