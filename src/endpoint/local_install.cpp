#include "endpoint/local_install.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/bucket_sums.hpp"

namespace syncline {
namespace {

constexpr const char* kept_as_changed = "changed on the target since it was listed; kept";

/// What lies at `beside` and what stands at `name` change places; `beside` is then the name of what stood there, as it
/// is after a failure of what lay there. A file system that cannot exchange has nothing at `name` for a moment.
bool change_places(int directory, std::string& beside, const std::string& name) {
    if (::renameat2(directory, beside.c_str(), directory, name.c_str(), RENAME_EXCHANGE) == 0) return true;
    if (!is_unknown_rename(errno)) return false;
    std::string aside = new_aside_name(name);
    if (::renameat(directory, name.c_str(), directory, aside.c_str()) != 0) return false;
    if (rename_if_free(directory, beside, name)) {
        beside = aside;
        return true;
    }
    int error_number = errno;
    rename_if_free(directory, aside, name);
    errno = error_number;
    return false;
}

uint64_t inode_at(int directory, const std::string& name) {
    std::optional<Entry> entry = entry_now(directory, name);
    return entry ? entry->stamp.inode : 0;
}

/// Of a path descriptor.
bool set_mode(int entry, uint16_t mode) {
    return ::chmod(("/proc/self/fd/" + std::to_string(entry)).c_str(), mode) == 0;
}

bool set_time(int entry, TimeNs mtime) {
    const timespec times[2] = {{0, UTIME_NOW}, to_timespec(mtime)};
    return ::utimensat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(entry)).c_str(), times, 0) == 0;
}

std::string said_of_kept(const std::string& kept) {
    return kept.empty() ? "" : "; what another program put there in the meantime is kept as " + escape(kept);
}

}  // namespace

void Installer::install(CommitItem& item, Staged& staged) {
    int directory = directories_.open(parent_path(item.path));
    if (directory < 0) return fail(item, "cannot open its directory on the target", errno);
    std::string name(last_name(item.path));
    uint32_t link_count = 1;
    std::optional<Entry> now = entry_now(directory, name, &link_count);
    if (!is_as_listed(item.expected, now ? &*now : nullptr, touched_)) return fail_changed(item);
    if (link_count > 1 && now->kind == Kind::file) touched_.add(now->stamp.inode);
    if (!now) {
        if (!rename_to_free_name(item, directory, staged.name, name)) return;
    } else if (now->kind == Kind::directory) {
        if (!replace_directory(item, directory, staged, name)) return;
    } else if (!replace_leaf(item, directory, staged, name)) {
        return;
    }
    staged.name.clear();
    record_staged(item, directory, name, staged.stamp);
}

void Installer::make_directory(CommitItem& item) {
    int directory = directories_.open(parent_path(item.path));
    if (directory < 0) return fail(item, "cannot open its directory on the target", errno);
    std::string name(last_name(item.path));
    if (item.expected != nullptr) return replace_by_directory(item, directory, name);
    if (::mkdirat(directory, name.c_str(), item.mode) != 0) {
        int error_number = errno;
        std::optional<Entry> now = entry_now(directory, name);
        bool someone_made_it = error_number == EEXIST && now && now->kind == Kind::directory;
        if (error_number == EEXIST && !someone_made_it) return fail_changed(item);
        if (!someone_made_it) return fail(item, "cannot create the directory", error_number);
    }
    give_mode(item, directory, name);
}

void Installer::change_mode(CommitItem& item) {
    int directory = directories_.open(parent_path(item.path));
    if (directory < 0) return fail(item, "cannot open its directory on the target", errno);
    std::string name(last_name(item.path));
    fs::Fd entry(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    uint32_t link_count = 1;
    std::optional<Entry> now;
    if (entry) now = entry_now(entry.get(), "", &link_count);
    if (!now || now->kind == Kind::symlink) return fail_changed(item);
    bool same = item.expected == nullptr || is_as_listed(item.expected, &*now, touched_);
    if (!same) return fail_changed(item);
    bool is_new = now->mode != item.mode, is_touched = item.op == Op::touch;  // a change of nothing may be forbidden
    bool had_one_name = link_count == 1 || now->kind != Kind::file;
    if ((is_new || is_touched) && !had_one_name) return fail_changed(item);
    if (is_touched && !set_time(entry.get(), item.source.mtime))
        return fail(item, "cannot set its modification time", errno);
    if (is_new && !set_mode(entry.get(), item.mode)) return fail(item, "cannot set its mode", errno);
    record(item, directory, name);
}

bool Installer::has_other_names(const CommitItem& item) {
    if (item.expected == nullptr || item.expected->kind != Kind::file) return false;
    int directory = directories_.open(parent_path(item.path));
    uint32_t link_count = 1;
    return directory >= 0 && entry_now(directory, std::string(last_name(item.path)), &link_count) && link_count > 1;
}

bool Installer::rename_to_free_name(CommitItem& item, int directory, const std::string& temporary,
                                    const std::string& name) {
    if (rename_if_free(directory, temporary, name)) return true;
    if (errno == EEXIST) {
        fail_changed(item);
    } else {
        fail(item, "cannot rename it into place", errno);
    }
    return false;
}

bool Installer::give_aside_name(CommitItem& item, int directory, std::string& temporary, const std::string& name) {
    Digest made = item.op == Op::symlink ? sha256_of(item.link) : item.committed;
    std::string aside = new_aside_name(name, made);
    if (::renameat(directory, temporary.c_str(), directory, aside.c_str()) != 0)
        return fail(item, "cannot rename it beside its place", errno), false;
    temporary = aside;
    return true;
}

bool Installer::replace_leaf(CommitItem& item, int directory, Staged& staged, const std::string& name) {
    if (!give_aside_name(item, directory, staged.name, name)) return false;
    std::string& aside = staged.name;
    if (::renameat2(directory, aside.c_str(), directory, name.c_str(), RENAME_EXCHANGE) != 0) {
        if (errno == ENOENT) return fail_changed(item), false;
        if (is_unknown_rename(errno)) return rename_over(item, directory, aside, name);
        return fail(item, "cannot rename it into place", errno), false;
    }
    if (!came_back_as_listed(item.expected, directory, aside))
        return take_back(item, directory, aside, name, staged.stamp.inode), false;
    if (::unlinkat(directory, aside.c_str(), 0) == 0) return true;
    fail(item, "it is in place, but what stood there cannot be removed; the next run tries again", errno);
    return false;
}

/// Where nothing can be exchanged: the name is never absent, at the price of the moment after one more look.
bool Installer::rename_over(CommitItem& item, int directory, std::string& temporary, const std::string& name) {
    std::optional<Entry> now = entry_now(directory, name);
    if (!is_as_listed(item.expected, now ? &*now : nullptr, touched_)) return fail_changed(item), false;
    if (::renameat(directory, temporary.c_str(), directory, name.c_str()) == 0) return true;
    return fail(item, "cannot rename it into place", errno), false;
}

bool Installer::replace_directory(CommitItem& item, int directory, Staged& staged, const std::string& name) {
    if (!give_aside_name(item, directory, staged.name, name)) return false;
    std::string& aside = staged.name;
    if (!change_places(directory, aside, name)) {
        // overlayfs renames no directory of its lower layer. An empty one has nothing that could be lost.
        bool is_gone = errno == EXDEV && ::unlinkat(directory, name.c_str(), AT_REMOVEDIR) == 0;
        if (is_gone && rename_if_free(directory, aside, name)) return true;
        if (is_gone) ::mkdirat(directory, name.c_str(), item.expected->mode & 0777);
        if (errno == ENOTEMPTY || errno == EEXIST) return fail_changed(item), false;
        return fail(item, "cannot replace the directory", errno), false;
    }
    if (::unlinkat(directory, aside.c_str(), AT_REMOVEDIR) == 0) return true;
    int error_number = errno;
    take_back(item, directory, aside, name, staged.stamp.inode);
    if (error_number != ENOTEMPTY && error_number != EEXIST) fail(item, "cannot replace the directory", error_number);
    return false;
}

void Installer::replace_by_directory(CommitItem& item, int directory, const std::string& name) {
    std::string aside = new_aside_name(name);
    if (::mkdirat(directory, aside.c_str(), item.mode) != 0) return fail(item, "cannot create the directory", errno);
    uint64_t ours = inode_at(directory, aside);
    if (!change_places(directory, aside, name)) {
        fail(item, "cannot replace it by a directory", errno);
        ::unlinkat(directory, aside.c_str(), AT_REMOVEDIR);
    } else if (!came_back_as_listed(item.expected, directory, aside)) {
        take_back(item, directory, aside, name, ours);
        if (!aside.empty()) ::unlinkat(directory, aside.c_str(), AT_REMOVEDIR);
    } else if (::unlinkat(directory, aside.c_str(), 0) != 0) {
        fail(item, "it is in place, but what stood there cannot be removed; the next run tries again", errno);
    } else {
        give_mode(item, directory, name);
    }
}

bool Installer::came_back_as_listed(const Entry* expected, int directory, const std::string& temporary) {
    uint32_t link_count = 1;
    std::optional<Entry> back = entry_now(directory, temporary, &link_count);
    if (!back) return false;
    if (link_count > 1 && back->kind == Kind::file) touched_.add(back->stamp.inode);
    TouchedInodes exchanged;
    exchanged.add(back->stamp.inode);  // the renaming itself changed its ctime
    return is_as_listed(expected, &*back, exchanged);
}

/// `aside` is then the name of the new thing, or empty: what lies there is not ours to remove.
void Installer::take_back(CommitItem& item, int directory, std::string& aside, const std::string& name, uint64_t ours) {
    fail_changed(item);
    bool is_back = change_places(directory, aside, name);
    if (!is_back) is_back = rename_if_free(directory, aside, name);  // it was removed from there meanwhile
    bool is_used_up = is_back && inode_at(directory, aside) == 0;
    if (is_used_up) return aside.clear();
    // Another one may have come in the place of ours meanwhile.
    if (is_back && inode_at(directory, aside) == ours) return;
    item.error += said_of_kept(keep_beside(directory, aside, name));
    aside.clear();
}

/// Of a directory that was made a moment ago, or that somebody made meanwhile. By a descriptor: what takes the name's
/// place must not lead the change elsewhere.
void Installer::give_mode(CommitItem& item, int directory, const std::string& name) {
    fs::Fd entry(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    if (!entry) return fail_changed(item);
    if (!set_mode(entry.get(), item.mode)) return fail(item, "cannot set its mode", errno);
    record(item, directory, name);
}

void Installer::record(CommitItem& item, int directory, const std::string& name) {
    std::optional<Entry> now = entry_now(directory, name);
    if (!now) return;
    item.target_stamp = now->stamp;
    item.target_mode = now->mode;
}

/// What stands there now may be another's already: only what was staged has a stamp to go by, and only when a later
/// edit would show in it. All else is read by the next run.
void Installer::record_staged(CommitItem& item, int directory, const std::string& name, const Stamp& staged) {
    record(item, directory, name);
    const Stamp& now = item.target_stamp;
    bool is_ours = now.inode == staged.inode && now.size == staged.size && now.mtime == staged.mtime;
    if (!is_ours || is_racy_when_written(now, wall_clock_now())) item.target_stamp = Stamp{};
}

void Installer::remove(RemoveItem& item) {
    int directory = directories_.open(parent_path(item.path));
    std::string name(last_name(item.path));
    uint32_t link_count = 1;
    std::optional<Entry> now;
    if (directory >= 0) now = entry_now(directory, name, &link_count);
    if (!now) {
        bool gone = errno == ENOENT || errno == ENOTDIR;  // someone else removed it
        if (!gone) item.error = "cannot look at it: " + errno_text(errno);
    } else if (!is_as_listed(item.expected, &*now, touched_)) {
        item.error = kept_as_changed;
    } else if (now->kind != Kind::directory) {
        remove_leaf(item, directory, name);
        bool stays_elsewhere = item.error.empty() && link_count > 1 && now->kind == Kind::file;
        if (stays_elsewhere) touched_.add(now->stamp.inode);
    } else if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) {
        bool filled = errno == ENOTEMPTY || errno == EEXIST;
        item.error =
            filled ? "something came into it since it was listed; kept" : "cannot remove it: " + errno_text(errno);
    }
}

void Installer::remove_leaf(RemoveItem& item, int directory, const std::string& name) {
    std::string aside = new_aside_name(name);
    if (!rename_if_free(directory, name, aside)) {
        if (errno != ENOENT) item.error = "cannot remove it: " + errno_text(errno);
        return;
    }
    if (!came_back_as_listed(item.expected, directory, aside)) {
        item.error = kept_as_changed;
    } else if (::unlinkat(directory, aside.c_str(), 0) != 0) {
        item.error = "cannot remove it: " + errno_text(errno);
    }
    // Where another one has come in its place meanwhile, that one is the newest.
    if (item.error.empty() || rename_if_free(directory, aside, name)) return;
    std::string kept = keep_beside(directory, aside, name);
    if (!kept.empty()) item.error += "; as " + escape(kept) + ", since its name is taken";
}

}  // namespace syncline
