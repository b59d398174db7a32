#include "fs/directory_reader.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/rel_path.hpp"
#include "core/own_names.hpp"

namespace syncline::fs {

namespace {

constexpr size_t listing_buffer_bytes = size_t{128} << 10;
constexpr int max_kind_races = 3;
// Directories that link to each other are reached in ever more ways, each longer than the last.
constexpr unsigned max_nested_follows = 1000;
// A tree holds whole paths, whose sum grows with the square of the depth.
constexpr size_t max_path_bytes = size_t{32} << 10;

uint64_t sort_key_of(std::string_view name) {
    uint64_t key = 0;
    std::memcpy(&key, name.data(), std::min(name.size(), sizeof key));
    return std::endian::native == std::endian::little ? __builtin_bswap64(key) : key;
}

bool stat_entry(int directory, const char* name, int flags, struct statx& status) {
    return ::statx(directory, name, flags, statx_mask, &status) == 0;
}

}  // namespace

unsigned WalkContext::count_nested_follow(const DirectoryId& directory) {
    std::lock_guard lock(follows_mutex);
    return ++follows[{directory.device, directory.inode}];
}

DirectoryReader::DirectoryReader(WalkContext& context)
    : context_(context), buffer_(std::make_unique_for_overwrite<char[]>(listing_buffer_bytes)) {}

void DirectoryReader::read(WalkNode& node) {
    reset(node);
    Fd fd = open_node(node);
    if (!fd || is_followed_too_often()) return;
    fd_ = fd.get();
    const WalkOptions& options = context_.options;
    if (options.filter && options.ignores && !node.unselected)
        chain_ = options.ignores->chain_for(path_.substr(0, node.path_size));
    node.vanished = !list_scope() && !list(fd_);
    if (node.vanished) found_.clear(), names_.clear();
    pack();
    hold_for_children(std::move(fd));
    context_.entries.fetch_add(node.record_count, std::memory_order_relaxed);
    if (options.scanned) options.scanned->fetch_add(node.record_count, std::memory_order_relaxed);
}

void DirectoryReader::reset(WalkNode& node) {
    node_ = &node;
    node.write_path(path_);
    if (!path_.empty()) path_ += '/';
    prefix_size_ = path_.size();
    chain_ = nullptr;
    found_.clear();
    names_.clear();
    child_count_ = 0;
}

/// An empty Fd when it cannot be opened, which has been noted then.
Fd DirectoryReader::open_node(WalkNode& node) {
    Fd fd;
    if (node.path_size > max_path_bytes) {
        errno = ENAMETOOLONG;
    } else if (node.parent && node.parent->fd) {
        int no_follow = node.reached_by_link ? 0 : O_NOFOLLOW;
        fd = Fd(::openat(node.parent->fd.get(), node.name.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_follow));
    } else {
        std::string_view path = std::string_view(path_).substr(0, node.path_size);
        fd = open_directory(context_.root, path, context_.follows_links() ? Links::follow : Links::refuse);
    }
    int error = errno;
    if (node.parent) release(*node.parent);
    if (fd) return fd;
    if (error == ENOENT && node.parent) {
        node.vanished = true;
    } else if (error == ELOOP || error == ENOTDIR) {
        fail({}, "was replaced by something else while it was listed");
    } else {
        fail({}, errno_text(error));
    }
    return fd;
}

/// In a directory that leads to what is asked for, looks at the names on the way there alone. False in all others.
bool DirectoryReader::list_scope() {
    std::span<const std::string> scope = context_.options.scope;
    if (scope.empty()) return false;
    std::string directory = path_.substr(0, node_->path_size);
    auto at = std::upper_bound(scope.begin(), scope.end(), directory, PathLess{});
    if (at != scope.begin() && is_at_or_below(directory, *(at - 1))) return false;
    std::string name;
    for (; at != scope.end() && is_at_or_below(*at, directory); ++at) {
        std::string_view rest = std::string_view(*at).substr(prefix_size_);
        std::string_view next = rest.substr(0, rest.find('/'));
        if (next == name) continue;
        if (context_.stop.stop_requested()) throw Cancelled();
        name = next;
        add(name, DT_UNKNOWN);
    }
    return true;
}

/// False when the directory was removed meanwhile.
bool DirectoryReader::list(int fd) {
    while (true) {
        if (context_.stop.stop_requested()) throw Cancelled();
        uint64_t most = context_.options.max_entries;
        if (found_.size() + context_.entries.load(std::memory_order_relaxed) > most) {
            throw ListingTooLarge("it has more than " + std::to_string(most) + " entries");
        }
        ssize_t size = ::getdents64(fd, buffer_.get(), listing_buffer_bytes);
        if (size == 0) return true;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == ENOENT && node_->parent) return false;
        if (size < 0) {
            fail({}, errno_text(errno));
            return true;
        }
        for (ssize_t at = 0; at < size;) {
            auto* entry = reinterpret_cast<const dirent64*>(buffer_.get() + at);
            at += entry->d_reclen;
            add(entry->d_name, entry->d_type);
        }
    }
}

void DirectoryReader::add(std::string_view name, unsigned char type) {
    if (name == "." || name == "..") return;
    if (!is_valid_name(name)) return fail({}, "holds an entry with an impossible name");
    if (is_own_name(name)) {
        std::vector<std::string>& found = is_aside_name(name) ? findings_.taken_aside : findings_.leftovers;
        found.push_back(path_.substr(0, prefix_size_).append(name));
        return;
    }
    if (is_kept_name(name)) findings_.kept.push_back(path_.substr(0, prefix_size_).append(name));
    // Most file systems tell the type at once, which spares looking at what is ignored.
    bool type_is_known = type != DT_UNKNOWN && !(type == DT_LNK && context_.follows_links());
    bool guessed_directory = type == DT_DIR;
    Found found;
    if (type_is_known) found.choice = judge(name, guessed_directory);
    bool is_skipped = found.choice == Verdict::Choice::unselected && !context_.options.keep_unselected;
    if (is_skipped) return leave_out(name);
    if (!look(name.data(), found)) return;

    bool is_directory = found.record.kind == Kind::directory;
    // What could not be listed again must not be copied, or the target could never be listed whole.
    if (is_directory && prefix_size_ + name.size() > max_path_bytes) return fail(name, errno_text(ENAMETOOLONG));
    if (!type_is_known || is_directory != guessed_directory) found.choice = judge(name, is_directory);
    std::string link;
    for (int attempt = 0; found.record.kind == Kind::symlink && !read_link(name.data(), link); ++attempt) {
        if (attempt == max_kind_races) return fail(name, "changes while it is listed");
        if (errno == ENOENT) return;
        if (errno != EINVAL) return fail(name, errno_text(errno));
        // It is no symlink any more.
        if (!look(name.data(), found)) return;
        found.choice = judge(name, found.record.kind == Kind::directory);
    }
    keep(name, found, link);
}

/// Fills in what is known by looking at the entry. False when it vanished, or could not be looked at, which has been
/// noted.
bool DirectoryReader::look(const char* name, Found& found) {
    struct statx status;
    if (!stat_entry(fd_, name, statx_flags, status)) {
        if (errno != ENOENT) fail(name, errno_text(errno));
        return false;
    }
    if (S_ISLNK(status.stx_mode) && context_.follows_links()) return look_through_link(name, found);
    Entry entry = to_entry(status);
    found.record.stamp = entry.stamp;
    found.record.mode = entry.mode;
    found.record.kind = entry.kind;
    found.record.flags = entry.flags;
    found.device = device_of(status);
    return true;
}

bool DirectoryReader::look_through_link(const char* name, Found& found) {
    struct statx status;
    bool is_found = stat_entry(fd_, name, statx_flags & ~AT_SYMLINK_NOFOLLOW, status);
    int error = errno;
    Entry entry = is_found ? to_entry(status) : Entry{};
    // An excluded link may lead wherever it likes.
    if (judge(name, entry.kind == Kind::directory) == Verdict::Choice::unselected) return false;
    if (!is_found) {
        fail(name, error == ENOENT ? "is a symlink that leads nowhere" : "is a symlink: " + errno_text(error));
    } else if (entry.kind == Kind::special) {
        fail(name, "is a symlink to a special file");
    } else if (entry.kind == Kind::directory && is_own_ancestor(device_of(status), status.stx_ino)) {
        fail(name, "is a symlink that leads back into one of its own parents");
    } else if (entry.kind == Kind::directory && is_never_followed({device_of(status), status.stx_ino})) {
        fail(name, "is a symlink to a directory that holds the root or the target: the copy would be copied");
    } else {
        found.record.stamp = entry.stamp;
        found.record.mode = entry.mode;
        found.record.kind = entry.kind;
        found.record.flags = entry.flags;
        found.device = device_of(status);
        found.reached_by_link = true;
        return true;
    }
    return false;
}

/// False and errno when it cannot be read; EINVAL when it is no symlink.
bool DirectoryReader::read_link(const char* name, std::string& link) {
    link.resize(256);
    while (true) {
        ssize_t size = ::readlinkat(fd_, name, link.data(), link.size());
        if (size < 0) return false;
        if (static_cast<size_t>(size) < link.size()) {
            link.resize(static_cast<size_t>(size));
            return true;
        }
        link.resize(link.size() * 4);
    }
}

Verdict::Choice DirectoryReader::judge(std::string_view name, bool is_directory) {
    if (node_->unselected || is_kept_name(name)) return Verdict::Choice::unselected;
    if (!context_.options.filter) return Verdict::Choice::selected;
    path_.resize(prefix_size_);
    path_ += name;
    return context_.options.filter->judge(chain_, path_, is_directory);
}

/// A directory counts with all that is in it.
void DirectoryReader::leave_out(std::string_view name) {
    if (name == ".git") {
        findings_.git_left_out = true;
    } else {
        ++findings_.ignored;
    }
}

void DirectoryReader::keep(std::string_view name, Found found, std::string_view link) {
    const WalkOptions& options = context_.options;
    WalkRecord& record = found.record;
    bool is_skipped = record.kind == Kind::symlink && options.symlinks == SymlinkPolicy::skip &&
                      found.choice != Verdict::Choice::unselected;
    if (is_skipped) found.choice = Verdict::Choice::unselected;
    if (found.choice == Verdict::Choice::unselected) {
        if (!options.keep_unselected && !is_skipped) return leave_out(name);
        record.flags |= unselected;
        if (name == ".git" || is_kept_name(name)) record.flags |= pinned;
    }
    record.has_node = is_descended(found, name);
    record.name_offset = static_cast<uint32_t>(names_.size());
    record.name_size = static_cast<uint16_t>(name.size());
    record.link_size = static_cast<uint32_t>(link.size());
    names_.append(name).append(1, '\0').append(link);
    found.sort_key = sort_key_of(name);
    found_.push_back(found);
}

bool DirectoryReader::is_descended(const Found& found, std::string_view name) const {
    if (found.record.kind != Kind::directory || context_.options.top_only) return false;
    if (found.choice != Verdict::Choice::unselected) return true;
    return context_.options.descend_unselected && name != ".git" && !is_kept_name(name);
}

bool DirectoryReader::is_never_followed(const DirectoryId& id) const {
    const std::vector<DirectoryId>& refused = context_.options.never_followed;
    return std::find(refused.begin(), refused.end(), id) != refused.end();
}

/// Whether this directory was reached through a symlink below another one so often that it is not listed once more. The
/// first place is a problem, all are incomplete.
bool DirectoryReader::is_followed_too_often() {
    if (!node_->reached_by_link) return false;
    const WalkNode* above = node_->parent;
    while (above && !above->reached_by_link) above = above->parent;
    if (!above) return false;
    unsigned count = context_.count_nested_follow({node_->device, node_->inode});
    if (count <= max_nested_follows) return false;
    context_.follows_too_often = true;
    std::string path = path_.substr(0, node_->path_size);
    findings_.incomplete.push_back(path);
    if (count > max_nested_follows + 1) return true;
    findings_.problems.push_back(
        {std::move(path), "is a symlink to a directory that was followed through other symlinks " +
                              std::to_string(max_nested_follows) +
                              " times already; here and beyond it is not (do directories "
                              "link to each other?)"});
    return true;
}

bool DirectoryReader::is_own_ancestor(uint64_t device, uint64_t inode) const {
    for (const WalkNode* node = node_; node; node = node->parent) {
        if (node->device == device && node->inode == inode) return true;
    }
    return false;
}

/// Moves what was found, sorted by name, into one piece of memory of exactly its size.
void DirectoryReader::pack() {
    auto name_of = [this](const Found& found) {
        return std::string_view(names_).substr(found.record.name_offset, found.record.name_size);
    };
    std::vector<const Found*> order(found_.size());
    std::transform(found_.begin(), found_.end(), order.begin(), [](const Found& found) { return &found; });
    std::sort(order.begin(), order.end(), [&](const Found* a, const Found* b) {
        return a->sort_key != b->sort_key ? a->sort_key < b->sort_key : name_of(*a) < name_of(*b);
    });

    node_->record_count = static_cast<uint32_t>(order.size());
    node_->memory = slabs_.allocate(order.size() * sizeof(WalkRecord) + names_.size());
    auto* record = reinterpret_cast<WalkRecord*>(node_->memory.get());
    names_.copy(const_cast<char*>(node_->names()), names_.size());
    WalkNode** next_child = &node_->first_child;
    bool has_selected = false;
    for (const Found* found : order) {
        new (record) WalkRecord(found->record);
        has_selected |= found->choice == Verdict::Choice::selected;
        if (record->has_node) {
            *next_child = &add_child(*found, node_->name_of(*record));
            next_child = &(*next_child)->next_sibling;
        }
        ++record;
    }
    findings_.entries += order.size();
    findings_.name_bytes += names_.size() + order.size() * prefix_size_;
    if (has_selected) mark_wanted();
}

WalkNode& DirectoryReader::add_child(const Found& found, std::string_view name) {
    WalkNode& child = nodes_.emplace_back();
    child.parent = node_;
    child.name = name;
    child.path_size = static_cast<uint32_t>(prefix_size_ + name.size());
    child.reached_by_link = found.reached_by_link;
    child.unselected = found.choice == Verdict::Choice::unselected;
    child.passage = found.choice == Verdict::Choice::passage;
    child.device = found.device;
    child.inode = found.record.stamp.inode;
    ++child_count_;
    return child;
}

void DirectoryReader::mark_wanted() {
    for (WalkNode* node = node_; node && node->passage; node = node->parent) {
        if (node->wanted.exchange(true, std::memory_order_relaxed)) return;
    }
}

void DirectoryReader::hold_for_children(Fd fd) {
    if (child_count_ == 0) return;
    node_->unopened_children.store(child_count_, std::memory_order_relaxed);
    if (context_.held_fds.fetch_add(1, std::memory_order_relaxed) < context_.max_held_fds) {
        node_->fd = std::move(fd);
    } else {
        context_.held_fds.fetch_sub(1, std::memory_order_relaxed);
    }
}

void DirectoryReader::release(WalkNode& parent) {
    if (parent.unopened_children.fetch_sub(1, std::memory_order_acq_rel) != 1 || !parent.fd) return;
    parent.fd.close();
    context_.held_fds.fetch_sub(1, std::memory_order_relaxed);
}

/// Notes that `name` in the directory, or the directory itself when it is "", is not known as it is.
void DirectoryReader::fail(std::string_view name, std::string why) {
    std::string path = name.empty() ? path_.substr(0, node_->path_size) : path_.substr(0, prefix_size_).append(name);
    findings_.incomplete.push_back(path);
    findings_.problems.push_back({std::move(path), std::move(why)});
}

}  // namespace syncline::fs
