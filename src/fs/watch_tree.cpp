#include "fs/watch_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline::fs {
namespace {

// IN_MODIFY is what truncate(2) by name causes, and writes to a file that stays open; writes by mmap cause nothing
// before its close.
constexpr uint32_t tree_events = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM |
                                 IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t way_events = IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t rule_events = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

std::string by_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

DirectoryId id_of(int fd) {
    struct statx status;
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO, &status) != 0) return {};
    return {device_of(status), status.stx_ino};
}

std::string text_about_limits(const std::string& root) {
    return "the kernel has no watch left for " + escape(root) +
           "; raise the limit with `sysctl fs.inotify.max_user_watches=524288` (to keep it, in /etc/sysctl.d), or "
           "exclude large directories";
}

}  // namespace

WatchTree::WatchTree(WatchRequest request, std::function<void()> told)
    : request_(std::move(request)), inbox_(std::move(told)) {}

void WatchTree::end(WatchEnd why, std::string trouble) {
    if (end_ != WatchEnd::none) return;
    end_ = why;
    trouble_ = std::move(trouble);
}

void WatchTree::build(std::stop_token stop) {
    std::lock_guard lock(mutex_);
    root_fd_ = Fd(::open(request_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root_fd_) return end(WatchEnd::root, "cannot watch " + escape(request_.root) + ": " + errno_text(errno));
    root_id_ = id_of(root_fd_.get());
    own_fd_ = Fd(::open(request_.own_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own_fd_)
        return end(WatchEnd::failed, "cannot watch " + escape(request_.own_directory) + ": " + errno_text(errno));
    own_ids_ = {id_of(own_fd_.get())};
    for (const std::string& path : request_.not_watched) {
        Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (directory) own_ids_.push_back(id_of(directory.get()));
    }
    ignores_ = std::make_unique<IgnoreFiles>(request_.root, request_.ignore_files);
    watch_surroundings();
    scan(root_, std::move(stop));
    if (end_ == WatchEnd::none) watch_surroundings();  // The scan met the rule files of nested repositories.
}

/// What lies outside of the tree: syncline's own directory, the way to the root, and rule files.
void WatchTree::watch_surroundings() {
    rule_files_ = ignores_->files_outside();
    rule_stamps_ = rule_stamps();
    for (const std::string& file : rule_files_) {
        int watch = -1;
        size_t slash = file.rfind('/');
        if (watch_path(slash == 0 ? "/" : file.substr(0, slash), rule_events, watch))
            rules_[watch].push_back(file.substr(slash + 1));
    }
    if (own_watch_ >= 0) return;
    if (!watch_path(request_.own_directory, IN_CREATE, own_watch_)) return;
    for (size_t slash = request_.root.rfind('/'); slash != 0 && slash != std::string::npos;
         slash = request_.root.rfind('/', slash - 1)) {
        int watch = -1;
        if (watch_path(request_.root.substr(0, slash), way_events, watch)) way_to_root_.push_back(watch);
    }
}

/// False when it cannot be watched; where the limit is the cause, that is the end.
bool WatchTree::watch_path(const std::string& path, uint32_t mask, int& watch) {
    watch = inbox_.watch(path, mask | IN_ONLYDIR);
    if (watch < 0 && errno == ENOSPC) end(WatchEnd::limits, text_about_limits(request_.root));
    return watch >= 0;
}

std::string WatchTree::rule_stamps() const {
    std::string all;
    for (const std::string& file : rule_files_) {
        Entry entry;
        if (!read_entry(AT_FDCWD, file.c_str(), entry)) entry = {};
        for (uint64_t part : {entry.stamp.size, static_cast<uint64_t>(entry.stamp.mtime),
                              static_cast<uint64_t>(entry.stamp.ctime), entry.stamp.inode}) {
            all.append(std::to_string(part)).append(1, ' ');
        }
    }
    return all;
}

bool WatchTree::is_root_in_place() const {
    struct statx status;
    if (::statx(AT_FDCWD, request_.root.c_str(), 0, STATX_INO, &status) != 0) return false;
    return DirectoryId{device_of(status), status.stx_ino} == root_id_;
}

bool WatchTree::is_own(const DirectoryId& id) const {
    return std::find(own_ids_.begin(), own_ids_.end(), id) != own_ids_.end();
}

/// Watches `top` and what is below it: each directory before it is read, so that nothing that comes into it is missed.
void WatchTree::scan(Node& top, std::stop_token stop) {
    std::vector<Node*> waiting{&top};
    while (!waiting.empty() && end_ == WatchEnd::none) {
        if (stop.stop_requested()) throw Cancelled();
        Node* node = waiting.back();
        waiting.pop_back();
        scan_one(*node, waiting);
    }
}

bool WatchTree::scan_one(Node& node, std::vector<Node*>& found) {
    std::string path = path_of(node);
    Fd directory = open_directory(root_fd_.get(), path);
    int error = errno;
    if (directory && is_own(id_of(directory.get()))) return true;
    if (directory && add_watch(node, directory.get())) {
        find_children(node, directory.get(), path, found);
        return true;
    }
    if (directory) error = errno;
    if (end_ != WatchEnd::none) return false;
    bool is_there = error != ENOENT && error != ENOTDIR && error != ELOOP;
    if (is_there && unwatched_++ == 0) first_unwatched_ = escape(path) + ": " + errno_text(error);
    return false;
}

/// By its descriptor, for a path may be too long, and lead elsewhere by now. False and errno when it cannot be.
bool WatchTree::add_watch(Node& node, int directory) {
    int watch = -1;
    if (!watch_path(by_descriptor(directory), tree_events | IN_EXCL_UNLINK, watch)) return false;
    adopt(node, watch, directory);
    return node.watch == watch;
}

/// The kernel has one watch a directory. When another node has this one, the directory was moved here, and the word of
/// that is still to come; or it is in the tree twice, by a mount.
void WatchTree::adopt(Node& node, int watch, int directory) {
    auto known = nodes_.find(watch);
    if (known != nodes_.end() && known->second != &node) {
        std::string former = path_of(*known->second);
        Fd there = open_directory(root_fd_.get(), former);
        if (there && id_of(there.get()) == id_of(directory)) {
            if (unwatched_++ == 0)
                first_unwatched_ = escape(path_of(node)) + ": is the same directory as " + escape(former);
            return;
        }
        known->second->watch = -1;
        changes_.add_gone(former);
    }
    nodes_[watch] = &node;
    node.watch = watch;
}

void WatchTree::find_children(Node& node, int directory, const std::string& path, std::vector<Node*>& found) {
    IgnoreChain chain = ignores_->chain_for(path);
    DIR* stream = ::fdopendir(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
    if (stream == nullptr) return;
    while (const dirent* entry = ::readdir(stream)) {
        std::string_view name = entry->d_name;
        if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) continue;
        if (!is_selected_directory(directory, entry->d_name, entry->d_type, chain, path)) continue;
        std::unique_ptr<Node>& child = node.children[std::string(name)];
        if (!child) child = std::make_unique<Node>();
        child->parent = &node;
        child->name = name;
        found.push_back(child.get());
    }
    ::closedir(stream);
}

bool WatchTree::is_selected_directory(int directory, const char* name, unsigned char type, const IgnoreChain& chain,
                                      const std::string& path) {
    Entry entry;
    if (type == DT_UNKNOWN && (!read_entry(directory, name, entry) || entry.kind != Kind::directory)) return false;
    if (is_own_name(name)) return false;
    return request_.filter.judge(chain, join_path(path, name), true) != Verdict::Choice::unselected;
}

std::string WatchTree::path_of(const Node& node) {
    std::vector<const Node*> way;
    for (const Node* at = &node; at->parent != nullptr; at = at->parent) way.push_back(at);
    std::string path;
    for (auto at = way.rbegin(); at != way.rend(); ++at) path.append(path.empty() ? "" : "/").append((*at)->name);
    return path;
}

}  // namespace syncline::fs
