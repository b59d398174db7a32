#include "endpoint/local_names.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <functional>
#include <iterator>

#include "base/rel_path.hpp"
#include "fs/walk.hpp"

namespace syncline {
namespace {

/// In the other case, as far as it is ASCII; the same when it has no letter.
std::string flipped(std::string_view name) {
    std::string other(name);
    for (char& c : other) {
        unsigned char byte = static_cast<unsigned char>(c);
        c = static_cast<char>(std::islower(byte) ? std::toupper(byte) : std::tolower(byte));
    }
    return other;
}

/// Until `use` returns true.
void for_each_name(int directory, const std::function<bool(std::string_view)>& use) {
    int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
    if (stream == nullptr) {
        if (fd >= 0) ::close(fd);
        return;
    }
    while (dirent* entry = ::readdir(stream)) {
        std::string_view name = entry->d_name;
        if (name != "." && name != ".." && use(name)) break;
    }
    ::closedir(stream);
}

bool has_name(int directory, std::string_view wanted) {
    bool found = false;
    for_each_name(directory, [&](std::string_view name) { return found = name == wanted; });
    return found;
}

/// Whether `name`, which is there, is found under its flipped name too. nullopt when that is another entry's. Inodes
/// tell nothing: through FUSE each spelling may have its own.
std::optional<bool> is_found_flipped(int directory, const std::string& name) {
    std::string other = flipped(name);
    struct stat there{};
    if (other == name) return std::nullopt;
    if (::fstatat(directory, other.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return false;
        return std::nullopt;
    }
    if (has_name(directory, other)) return std::nullopt;
    return true;
}

bool is_told_folding(int directory) {
    int flags = 0;
    if (::ioctl(directory, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL) != 0) return true;
    constexpr decltype(statfs::f_type) exfat = 0x2011bab0, fat = 0x4d44;
    struct statfs status{};
    return ::fstatfs(directory, &status) == 0 && (status.f_type == exfat || status.f_type == fat);
}

/// Whether trying is worth a change of the directory: not where names are told apart anyway.
bool may_fold(int directory) {
    constexpr decltype(statfs::f_type) told_apart[] = {0xef53,    0x58465342, 0x9123683e,
                                                       0x1021994, 0x794c7630, 0x2fc12fc1};
    struct statfs status{};
    return ::fstatfs(directory, &status) == 0 &&
           std::find(std::begin(told_apart), std::end(told_apart), status.f_type) == std::end(told_apart);
}

bool is_found_folding(int directory) {
    std::string name = new_temporary_name();
    fs::Fd file(::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return false;
    bool folds = is_found_flipped(directory, name).value_or(false);
    ::unlinkat(directory, name.c_str(), 0);
    return folds;
}

}  // namespace

bool folds_names(int root, bool may_write) {
    if (is_told_folding(root)) return true;
    constexpr int most_tries = 64;
    int tries = 0;
    std::optional<bool> folds;
    for_each_name(root, [&](std::string_view name) {
        folds = is_found_flipped(root, std::string(name));
        return folds.has_value() || ++tries == most_tries;
    });
    if (folds) return *folds;
    return may_write && may_fold(root) && is_found_folding(root);
}

void respell_entry(int root, RenameItem& item, TouchedInodes& touched) {
    fs::Fd directory = fs::open_directory(root, parent_path(item.to));
    std::string from(last_name(item.from)), to(last_name(item.to));
    if (!directory) {
        item.error = "cannot open its directory on the target: " + errno_text(errno);
        return;
    }
    std::optional<Entry> now = entry_now(directory.get(), from);
    if (!is_as_listed(item.expected, now ? &*now : nullptr, touched)) {
        item.error = "changed on the target since it was listed; left as it is";
        return;
    }
    touched.add(now->stamp.inode);  // a rename changes its ctime
    if (::renameat(directory.get(), from.c_str(), directory.get(), to.c_str()) != 0) {
        item.error = "cannot give it the source's spelling: " + errno_text(errno);
    } else if (!has_name(directory.get(), to)) {
        item.error = "the target's file system keeps another spelling of its name than the source's";
    }
}

}  // namespace syncline
