#include "fs/walk.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>

#include "base/rel_path.hpp"
#include "core/own_names.hpp"
#include "fs/directory_reader.hpp"
#include "fs/walk_node.hpp"

namespace syncline::fs {

namespace {

constexpr size_t temporary_digits = 16;

/// Descriptors that one walk keeps open at most, beside the one that each thread is reading. Several walks run at once.
int held_fds_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 16;
    return static_cast<int>(std::clamp<rlim_t>(limit.rlim_cur / 8, 4, 128));
}

/// The directories still to be read. The last one found comes first, which keeps the queue short and descriptors few.
class WalkQueue {
  public:
    /// Takes the next directory; null when all are done or a worker failed.
    WalkNode* take() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !waiting_.empty() || unfinished_ == 0 || failure_; });
        if (waiting_.empty() || failure_) return nullptr;
        WalkNode* node = waiting_.back();
        waiting_.pop_back();
        return node;
    }

    void add(WalkNode* first_sibling) {
        std::lock_guard lock(mutex_);
        auto old_size = static_cast<std::ptrdiff_t>(waiting_.size());
        for (WalkNode* node = first_sibling; node; node = node->next_sibling) waiting_.push_back(node);
        std::reverse(waiting_.begin() + old_size, waiting_.end());
        unfinished_ += waiting_.size() - static_cast<size_t>(old_size);
        changed_.notify_all();
    }

    void finish_one() {
        std::lock_guard lock(mutex_);
        if (--unfinished_ == 0) changed_.notify_all();
    }

    void fail(std::exception_ptr failure) {
        std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(failure);
        changed_.notify_all();
    }

    void rethrow_failure() const {
        if (failure_) std::rethrow_exception(failure_);
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<WalkNode*> waiting_;
    size_t unfinished_ = 0;
    std::exception_ptr failure_;
};

void work(WalkQueue& queue, DirectoryReader& reader) noexcept {
    try {
        while (WalkNode* node = queue.take()) {
            reader.read(*node);
            if (node->first_child) queue.add(node->first_child);
            queue.finish_one();
        }
    } catch (...) {
        queue.fail(std::current_exception());
    }
}

/// Reads all directories with one thread for each reader; the caller is one of them.
void read_all(WalkNode& root, std::deque<DirectoryReader>& readers) {
    WalkQueue queue;
    queue.add(&root);
    {
        std::vector<std::jthread> threads;
        try {
            for (size_t i = 1; i < readers.size(); ++i) {
                threads.emplace_back([&queue, &reader = readers[i]] { work(queue, reader); });
            }
        } catch (const std::system_error&) {
            // No more threads are to be had: those that run do all the work.
        }
        work(queue, readers[0]);
    }
    queue.rethrow_failure();
}

/// Puts the nodes together in path order, giving their memory back on the way.
class Assembly {
  public:
    explicit Assembly(bool keep_unselected) : keep_unselected_(keep_unselected) {}

    Tree assemble(WalkNode& root, size_t entries, size_t name_bytes) {
        builder_.reserve(entries, name_bytes);
        enter(root);
        while (!open_.empty()) {
            Position& at = open_.back();
            if (at.record == at.node->record_count) {
                at.node->memory.reset();
                open_.pop_back();
                continue;
            }
            add(at, at.node->records()[at.record++]);
        }
        return builder_.finish();
    }

  private:
    struct Position {
        WalkNode* node;
        WalkNode* next_child;
        uint32_t record;
    };

    void enter(WalkNode& node) {
        node.write_path(path_);
        open_.push_back({&node, node.first_child, 0});
    }

    void add(Position& at, const WalkRecord& record) {
        WalkNode* node = at.node;
        WalkNode* child = record.has_node ? at.next_child : nullptr;
        if (child) at.next_child = child->next_sibling;
        Entry entry;
        entry.stamp = record.stamp;
        entry.mode = record.mode;
        entry.kind = record.kind;
        entry.flags = record.flags;
        if (child && child->passage && !child->wanted.load(std::memory_order_relaxed)) {
            if (!keep_unselected_) return;
            entry.flags |= unselected;
        }
        if (child && child->vanished) return;
        path_.resize(node->path_size);
        builder_.add(path_, node->name_of(record), entry, node->link_of(record));
        if (child && child->record_count > 0) enter(*child);
    }

    bool keep_unselected_;
    TreeBuilder builder_;
    std::vector<Position> open_;
    std::string path_;  ///< begins with the path of the innermost open directory
};

template <class T>
void append(std::vector<T>& all, std::vector<T>& part) {
    all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
}

/// So that a followed symlink to the root is seen to be a loop.
void identify(WalkNode& top, int root) {
    struct statx status;
    if (::statx(root, "", statx_flags, statx_mask, &status) != 0) return;
    top.device = device_of(status);
    top.inode = status.stx_ino;
}

void sort_findings(WalkResult& result) {
    auto by_path = [](const Problem& a, const Problem& b) {
        auto order = compare_paths(a.path, b.path);
        return order != 0 ? order < 0 : a.why < b.why;
    };
    std::sort(result.problems.begin(), result.problems.end(), by_path);
    std::sort(result.incomplete.begin(), result.incomplete.end(), PathLess{});
    result.incomplete.erase(std::unique(result.incomplete.begin(), result.incomplete.end()), result.incomplete.end());
    std::sort(result.leftovers.begin(), result.leftovers.end(), PathLess{});
    std::sort(result.taken_aside.begin(), result.taken_aside.end(), PathLess{});
    std::sort(result.kept.begin(), result.kept.end(), PathLess{});
}

}  // namespace

bool is_temporary_name(std::string_view name) {
    if (name.size() != temporary_prefix.size() + temporary_digits || !name.starts_with(temporary_prefix)) return false;
    auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return std::all_of(name.begin() + temporary_prefix.size(), name.end(), is_digit);
}

bool is_own_name(std::string_view name) { return is_temporary_name(name) || is_aside_name(name); }

std::vector<DirectoryId> directories_up_from(const std::string& path) {
    std::vector<DirectoryId> found;
    std::string at = path;
    while (!at.empty()) {
        struct statx status;
        if (::statx(AT_FDCWD, at.c_str(), 0, STATX_INO, &status) == 0)
            found.push_back({device_of(status), status.stx_ino});
        if (at == "/") break;
        size_t slash = at.rfind('/');
        at = slash == 0 ? "/" : at.substr(0, slash);
    }
    return found;
}

WalkResult walk(int root, const WalkOptions& options, std::stop_token stop) {
    WalkResult result;
    result.started_at = wall_clock_now();
    WalkContext context{.root = root, .options = options, .stop = stop, .max_held_fds = held_fds_limit()};
    std::deque<DirectoryReader> readers;
    for (unsigned i = 0; i < std::max(1u, options.threads); ++i) readers.emplace_back(context);
    WalkNode top;
    identify(top, root);
    read_all(top, readers);
    if (context.follows_too_often && readers.size() > 1) {
        // Where the limit fell depended on who came first. One thread always goes the same way.
        WalkOptions alone = options;
        alone.threads = 1;
        return walk(root, alone, std::move(stop));
    }

    size_t entries = 0, name_bytes = 0;
    for (DirectoryReader& reader : readers) {
        WalkFindings& part = reader.findings();
        entries += part.entries;
        name_bytes += part.name_bytes;
        append(result.problems, part.problems);
        append(result.incomplete, part.incomplete);
        append(result.leftovers, part.leftovers);
        append(result.taken_aside, part.taken_aside);
        append(result.kept, part.kept);
        result.ignored += part.ignored;
        result.git_left_out |= part.git_left_out;
    }
    sort_findings(result);
    result.tree = Assembly(options.keep_unselected).assemble(top, entries, name_bytes);
    return result;
}

}  // namespace syncline::fs
