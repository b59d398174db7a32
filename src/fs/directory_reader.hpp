// DirectoryReader: lists one directory after the other for a walk. Each worker thread owns one.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "core/filter.hpp"
#include "fs/slab.hpp"
#include "fs/walk.hpp"
#include "fs/walk_node.hpp"

struct statx;

namespace syncline::fs {

/// What all workers of one walk share.
struct WalkContext {
    int root = -1;
    const WalkOptions& options;
    std::stop_token stop;
    int max_held_fds = 0;  ///< descriptors that may stay open for children
    std::atomic<int> held_fds{0};

    /// Counts one more way to the directory through nested symlinks, and says how many that makes.
    unsigned count_nested_follow(const DirectoryId& directory);
    std::mutex follows_mutex{};
    std::map<std::pair<uint64_t, uint64_t>, unsigned> follows{};  ///< by device and inode, under the mutex
    std::atomic<bool> follows_too_often{false};
    std::atomic<uint64_t> entries{0};  ///< in the directories that were read

    bool follows_links() const { return options.symlinks == SymlinkPolicy::follow && !options.keep_unselected; }
};

/// What one worker found beside the nodes.
struct WalkFindings {
    std::vector<Problem> problems;
    std::vector<std::string> incomplete;
    std::vector<std::string> leftovers;
    std::vector<std::string> taken_aside;
    std::vector<std::string> kept;
    uint64_t ignored = 0;  ///< entries that no rule selects and that are not kept
    bool git_left_out = false;
    size_t entries = 0;
    size_t name_bytes = 0;  ///< of whole paths and of symlink targets
};

class DirectoryReader {
  public:
    explicit DirectoryReader(WalkContext& context);

    /// Opens and lists `node`'s directory: fills in its records and children. Throws Cancelled.
    void read(WalkNode& node);

    WalkFindings& findings() { return findings_; }

  private:
    struct Found {
        WalkRecord record;
        uint64_t sort_key = 0;  ///< the first eight bytes of the name
        uint64_t device = 0;
        Verdict::Choice choice = Verdict::Choice::selected;
        bool reached_by_link = false;
    };

    void reset(WalkNode& node);
    Fd open_node(WalkNode& node);
    bool list(int fd);
    bool list_scope();
    void add(std::string_view name, unsigned char type);
    bool look(const char* name, Found& found);
    bool look_through_link(const char* name, Found& found);
    bool read_link(const char* name, std::string& link);
    Verdict::Choice judge(std::string_view name, bool is_directory);
    void leave_out(std::string_view name);
    void keep(std::string_view name, Found found, std::string_view link);
    bool is_descended(const Found& found, std::string_view name) const;
    bool is_followed_too_often();
    bool is_own_ancestor(uint64_t device, uint64_t inode) const;
    bool is_never_followed(const DirectoryId& id) const;
    void pack();
    WalkNode& add_child(const Found& found, std::string_view name);
    void mark_wanted();
    void hold_for_children(Fd fd);
    void release(WalkNode& parent);
    void fail(std::string_view name, std::string why);

    WalkContext& context_;
    WalkFindings findings_;
    SlabAllocator slabs_;
    std::deque<WalkNode> nodes_;
    std::unique_ptr<char[]> buffer_;

    // Of the directory that is being read:
    WalkNode* node_ = nullptr;
    int fd_ = -1;
    IgnoreChain chain_;
    std::string path_;        ///< of an entry: the directory's, '/', and a name
    size_t prefix_size_ = 0;  ///< without the name
    std::vector<Found> found_;
    std::string names_;
    uint32_t child_count_ = 0;
};

}  // namespace syncline::fs
