#include "endpoint/local_install.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/rel_path.hpp"

namespace syncline {
namespace {

constexpr const char* kept_as_changed = "changed on the target since it was listed; kept";

}  // namespace

void Installer::install(CommitItem& item, std::string& temporary) {
    int directory = directories_.open(parent_path(item.path));
    if (directory < 0) return fail(item, "cannot open its directory on the target", errno);
    std::string name(last_name(item.path));
    uint32_t link_count = 1;
    std::optional<Entry> now = entry_now(directory, name, &link_count);
    if (!is_as_listed(item.expected, now ? &*now : nullptr, touched_)) return fail_changed(item);
    if (link_count > 1 && now->kind == Kind::file) touched_.add(now->stamp.inode);
    if (!now) {
        if (!rename_to_free_name(item, directory, temporary, name)) return;
    } else if (now->kind == Kind::directory) {
        if (!replace_directory(item, directory, temporary, name)) return;
    } else if (!replace_leaf(item, directory, temporary, name)) {
        return;
    }
    temporary.clear();
    record(item, directory, name);
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
    uint32_t link_count = 1;
    std::optional<Entry> now = entry_now(directory, name, &link_count);
    if (!now || now->kind == Kind::symlink) return fail_changed(item);
    bool same = item.expected == nullptr || is_as_listed(item.expected, &*now, touched_);
    if (!same) return fail_changed(item);
    if (now->mode == item.mode) return record(item, directory, name);          // a change of nothing may be forbidden
    if (link_count > 1 && now->kind == Kind::file) return fail_changed(item);  // it had no other name before
    give_mode(item, directory, name);
}

bool Installer::has_other_names(const CommitItem& item) {
    if (item.expected == nullptr || item.expected->kind != Kind::file) return false;
    int directory = directories_.open(parent_path(item.path));
    uint32_t link_count = 1;
    return directory >= 0 && entry_now(directory, std::string(last_name(item.path)), &link_count) && link_count > 1;
}

bool Installer::rename_to_free_name(CommitItem& item, int directory, const std::string& temporary,
                                    const std::string& name) {
    if (::renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_NOREPLACE) == 0) return true;
    if (errno == EINVAL || errno == ENOSYS) {  // a file system without that flag
        if (::renameat(directory, temporary.c_str(), directory, name.c_str()) == 0) return true;
    }
    if (errno == EEXIST) {
        fail_changed(item);
    } else {
        fail(item, "cannot rename it into place", errno);
    }
    return false;
}

bool Installer::replace_leaf(CommitItem& item, int directory, const std::string& temporary, const std::string& name) {
    if (::renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_EXCHANGE) != 0) {
        if (errno == ENOENT) return fail_changed(item), false;
        bool is_unknown = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
        if (is_unknown && ::renameat(directory, temporary.c_str(), directory, name.c_str()) == 0) return true;
        return fail(item, "cannot rename it into place", errno), false;
    }
    if (!came_back_as_listed(item.expected, directory, temporary))
        return take_back(item, directory, temporary, name), false;
    return remove_replaced(item, directory, temporary);
}

bool Installer::replace_directory(CommitItem& item, int directory, const std::string& temporary,
                                  const std::string& name) {
    if (!exchange(item, directory, temporary, name)) return false;
    if (::unlinkat(directory, temporary.c_str(), AT_REMOVEDIR) == 0) return true;
    int error_number = errno;
    ::renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_EXCHANGE);
    if (error_number == ENOTEMPTY || error_number == EEXIST) {
        fail_changed(item);
    } else {
        fail(item, "cannot replace the directory", error_number);
    }
    return false;
}

void Installer::replace_by_directory(CommitItem& item, int directory, const std::string& name) {
    std::string temporary = new_temporary_name();
    if (::mkdirat(directory, temporary.c_str(), item.mode) != 0)
        return fail(item, "cannot create the directory", errno);
    if (!exchange(item, directory, temporary, name)) {
        ::unlinkat(directory, temporary.c_str(), AT_REMOVEDIR);
        return;
    }
    if (!came_back_as_listed(item.expected, directory, temporary)) {
        take_back(item, directory, temporary, name);
        ::unlinkat(directory, temporary.c_str(), AT_REMOVEDIR);
        return;
    }
    if (remove_replaced(item, directory, temporary)) give_mode(item, directory, name);
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

void Installer::take_back(CommitItem& item, int directory, const std::string& temporary, const std::string& name) {
    bool is_back = ::renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_EXCHANGE) == 0;
    if (!is_back) ::renameat(directory, temporary.c_str(), directory, name.c_str());
    fail_changed(item);
}

bool Installer::remove_replaced(CommitItem& item, int directory, const std::string& temporary) {
    if (::unlinkat(directory, temporary.c_str(), 0) == 0) return true;
    return fail(item, "it is in place, but what stood there cannot be removed; the next run tries again", errno), false;
}

bool Installer::exchange(CommitItem& item, int directory, const std::string& temporary, const std::string& name) {
    if (::renameat2(directory, temporary.c_str(), directory, name.c_str(), RENAME_EXCHANGE) == 0) return true;
    fail(item, "cannot exchange what stands there", errno);
    return false;
}

/// By a descriptor: a symlink that takes the name's place must not lead the change elsewhere.
void Installer::give_mode(CommitItem& item, int directory, const std::string& name) {
    fs::Fd entry(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    std::string by_descriptor = "/proc/self/fd/" + std::to_string(entry.get());
    if (!entry || ::chmod(by_descriptor.c_str(), item.mode) != 0) return fail(item, "cannot set its mode", errno);
    record(item, directory, name);
}

void Installer::record(CommitItem& item, int directory, const std::string& name) {
    std::optional<Entry> now = entry_now(directory, name);
    if (!now) return;
    item.target_stamp = now->stamp;
    item.target_mode = now->mode;
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
    std::string aside = new_temporary_name();
    if (::renameat2(directory, name.c_str(), directory, aside.c_str(), RENAME_NOREPLACE) != 0) {
        bool is_unknown = errno == EINVAL || errno == ENOSYS;
        if (errno == ENOENT || (is_unknown && ::unlinkat(directory, name.c_str(), 0) == 0)) return;
        item.error = "cannot remove it: " + errno_text(errno);
        return;
    }
    if (!came_back_as_listed(item.expected, directory, aside)) {
        item.error = kept_as_changed;
    } else if (::unlinkat(directory, aside.c_str(), 0) != 0) {
        item.error = "cannot remove it: " + errno_text(errno);
    }
    // Where another one has come in its place meanwhile, that one is the newest.
    if (!item.error.empty()) ::renameat2(directory, aside.c_str(), directory, name.c_str(), RENAME_NOREPLACE);
}

}  // namespace syncline
