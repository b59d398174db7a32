// WatchTree: the inotify watches of one tree, on its selected directories alone, and what they told.
//
// Blocking calls and no thread of its own: whoever holds it is told when drain() has something to do, and calls from
// worker threads, one at a time (a mutex sees to it). Once it is broken() it tells nothing more; another one takes its
// place, and what happened in between is not known.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/inotify.hpp"
#include "core/change_set.hpp"
#include "core/filter.hpp"
#include "fs/fd.hpp"
#include "fs/ignore_files.hpp"
#include "fs/walk.hpp"

namespace syncline::fs {

struct WatchRequest {
    std::string root;                       ///< absolute
    Filter filter;                          ///< what a push selects
    std::vector<std::string> ignore_files;  ///< names, the strongest last
    std::string own_directory;              ///< syncline's, for what prove() writes
    std::vector<std::string> not_watched;   ///< more directories of its own: changes in them are nobody's
};

/// Why a tree of watches cannot go on.
enum class WatchEnd : uint8_t {
    none,
    overflow,  ///< the kernel dropped events
    rules,     ///< what is selected may be something else now
    root,      ///< the root is gone, or another directory stands in its place
    limits,    ///< the kernel has no watch left to give
    failed,
};

class WatchTree {
  public:
    /// Watches nothing yet. `told` is called on any thread when drain() has something to do, and only passes the word
    /// on. Throws Error when the kernel gives no inotify instance.
    explicit WatchTree(WatchRequest request, std::function<void()> told = {});

    /// Sets the watches; from here on every change is told. Throws Cancelled. Where it cannot be done, it is broken().
    void build(std::stop_token stop);

    /// Takes all that the kernel has to tell by now.
    void drain();
    /// Drains, and proves that it is alive: a file made just now in syncline's own directory, watched by the same
    /// inotify instance, was told of. Its queue is first in, first out, so all that happened before was told, too.
    bool prove();

    /// What changed since the last call, with the inodes of what has other names, too.
    ChangeSet take();
    size_t pending();
    /// Counts what was told of; grows with each change.
    uint64_t news();
    WatchEnd broken();
    /// "" or what a person should know: what to do about limits, or directories that cannot be watched.
    std::string trouble();
    size_t directories();

  private:
    struct Node {
        int watch = -1;  ///< -1: none
        Node* parent = nullptr;
        std::string name;
        std::map<std::string, std::unique_ptr<Node>, std::less<>> children{};
    };

    void watch_surroundings();
    bool watch_path(const std::string& path, uint32_t mask, int& watch);
    void scan(Node& top, std::stop_token stop);
    bool scan_one(Node& node, std::vector<Node*>& found);
    bool add_watch(Node& node, int directory);
    void adopt(Node& node, int watch, int directory);
    void find_children(Node& node, int directory, const std::string& path, std::vector<Node*>& found);
    bool is_selected_directory(int directory, const char* name, unsigned char type, const IgnoreChain& chain,
                               const std::string& path);
    void drop(Node& node);
    void drop_child(Node& parent, std::string_view name);

    void read_events();
    void handle(const InotifyEvent& event);
    void handle_named(Node& node, uint32_t mask, std::string_view name);
    void follow_directory(Node& parent, uint32_t mask, std::string_view name);
    bool handle_surroundings(const InotifyEvent& event);
    void note_other_names(ChangeSet& changes) const;
    bool is_rule_name(std::string_view name, uint32_t mask) const;
    std::string rule_stamps() const;
    bool is_root_in_place() const;
    bool is_own(const DirectoryId& id) const;
    void end(WatchEnd why, std::string trouble = "");
    static std::string path_of(const Node& node);

    std::mutex mutex_;
    WatchRequest request_;
    std::unique_ptr<IgnoreFiles> ignores_;
    InotifyInbox inbox_;
    Fd root_fd_, own_fd_;
    DirectoryId root_id_;
    std::vector<DirectoryId> own_ids_;
    Node root_;
    std::unordered_map<int, Node*> nodes_;
    std::vector<int> way_to_root_;                             ///< watches of the directories above the root
    std::unordered_map<int, std::vector<std::string>> rules_;  ///< names of rule files outside of the tree, by watch
    std::vector<std::string> rule_files_;
    std::string rule_stamps_;
    int own_watch_ = -1;
    std::string cookie_;
    bool cookie_seen_ = false;
    unsigned cookies_ = 0;
    ChangeSet changes_;
    uint64_t news_ = 0;
    size_t unwatched_ = 0;  ///< directories that are there and could not be watched
    std::string first_unwatched_;
    WatchEnd end_ = WatchEnd::none;
    std::string trouble_;
};

}  // namespace syncline::fs
