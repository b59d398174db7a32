#include "endpoint/ssh_fetch_directory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/rel_path.hpp"
#include "endpoint/local_item.hpp"
#include "fs/walk.hpp"

namespace syncline {

namespace {

std::filesystem::path path_by_descriptor(const fs::Fd& directory) {
    return "/proc/self/fd/" + std::to_string(directory.get());
}

/// The descriptor keeps the way there from being exchanged.
void remove_contents(const fs::Fd& directory) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_by_descriptor(directory), ignored)) {
        std::error_code stays;
        std::filesystem::remove_all(entry.path(), stays);
    }
}

bool is_empty(const fs::Fd& directory) {
    std::error_code failed;
    std::filesystem::directory_iterator first(path_by_descriptor(directory), failed);
    return !failed && first == std::filesystem::directory_iterator();
}

/// Mounts may give all that is in them one owner and one mode. Then it is enough that nobody else may write around it,
/// or that there is nothing that could be private.
bool is_as_private_as_can_be(int parent, const fs::Fd& directory) {
    struct stat around{}, status{};
    if (!directory || ::fstat(parent, &around) != 0) return false;
    if ((around.st_mode & 0022) == 0) return true;
    bool has_no_modes =
        ::fchmod(directory.get(), 0700) == 0 && ::fstat(directory.get(), &status) == 0 && (status.st_mode & 0077) != 0;
    return has_no_modes;
}

/// A directory that is ours, and that nobody else may enter; not open when it is none.
fs::Fd open_own(int parent, const std::string& name) {
    fs::Fd directory(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    bool is_ours = directory && ::fstat(directory.get(), &status) == 0 && status.st_uid == ::geteuid() &&
                   (status.st_mode & 0077) == 0;
    if (!is_ours && !is_as_private_as_can_be(parent, directory)) directory.close();
    return directory;
}

bool lock_directory(const fs::Fd& directory) { return ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0; }

/// What only such a directory holds, under a name that no file has.
const std::string fetch_mark = std::string(fs::temporary_prefix) + "0000000000000000";

/// Whether a directory of ours that has such a name was made by a run: whoever else may write to the directory around
/// it could have given the name to any other of ours. The first version made none with a mark.
bool is_from_a_run(int parent, const fs::Fd& directory) {
    struct stat around{};
    if (::faccessat(directory.get(), fetch_mark.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    return ::fstat(parent, &around) == 0 && around.st_uid == ::geteuid() && (around.st_mode & 0022) == 0;
}

/// Whether `name` still is that directory.
bool is_called(const fs::Fd& directory, int parent, const std::string& name) {
    struct stat own{}, named{};
    return ::fstat(directory.get(), &own) == 0 && ::fstatat(parent, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

}  // namespace

fs::Fd make_directories(int directory, std::string_view path) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    fs::Fd at(::openat(directory, ".", flags));
    while (at && !path.empty()) {
        std::string name(path.substr(0, path.find('/')));
        path.remove_prefix(std::min(name.size() + 1, path.size()));
        if (::mkdirat(at.get(), name.c_str(), 0700) != 0 && errno != EEXIST) return {};
        fs::Fd next(::openat(at.get(), name.c_str(), flags));
        bool is_in_the_way = !next && (errno == ENOTDIR || errno == ELOOP);
        if (is_in_the_way && ::unlinkat(at.get(), name.c_str(), 0) == 0 && ::mkdirat(at.get(), name.c_str(), 0700) == 0)
            next = fs::Fd(::openat(at.get(), name.c_str(), flags));
        at = std::move(next);
    }
    return at;
}

fs::Fd create_over_leftover(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) != 0 && errno == EISDIR) {
        std::error_code ignored;
        std::filesystem::remove_all("/proc/self/fd/" + std::to_string(parent) + "/" + name, ignored);
    }
    return fs::Fd(::openat(parent, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

void remove_unused_directory(int parent, const std::string& name) {
    fs::Fd directory = open_own(parent, name);
    if (!directory || !is_from_a_run(parent, directory) || !lock_directory(directory)) return;
    remove_contents(directory);
    if (is_called(directory, parent, name)) ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

FetchDirectory::~FetchDirectory() {
    if (!fd_ || is_kept_) return;
    remove_contents(fd_);
    if (is_called(fd_, root_.get(), name_)) ::unlinkat(root_.get(), name_.c_str(), AT_REMOVEDIR);
}

void FetchDirectory::prepare(const std::string& local_root) {
    if (fd_) return;
    root_ = fs::open_root(local_root);
    if (!take_over()) make();
}

void FetchDirectory::make() {
    name_ = new_temporary_name();
    if (::mkdirat(root_.get(), name_.c_str(), 0700) != 0) throw errno_error("create the directory", name_, errno);
    fd_ = open_own(root_.get(), name_);
    // Somebody who may write to the root can put another directory of ours in its place.
    if (!fd_ || !lock_directory(fd_) || !is_empty(fd_)) {
        fd_.close();
        throw Error(Errc::failed, "the directory " + name_ +
                                      ", into which the content is to be fetched, was replaced when it had just been "
                                      "made; see who may write to the root");
    }
    fs::Fd marked(::openat(fd_.get(), fetch_mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!marked) throw errno_error("create a file in", name_, errno);
}

/// The first that is ours alone and that nobody uses. Others are swept when the run has ended well.
bool FetchDirectory::take_over() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_by_descriptor(root_), ignored)) {
        std::string name = entry.path().filename();
        if (!fs::is_temporary_name(name)) continue;
        fs::Fd directory = open_own(root_.get(), name);
        if (!directory || !is_from_a_run(root_.get(), directory) || !lock_directory(directory)) continue;
        if (!is_called(directory, root_.get(), name)) continue;
        name_ = std::move(name);
        fd_ = std::move(directory);
        is_taken_over_ = true;
        return true;
    }
    return false;
}

uint64_t FetchDirectory::kept_bytes(std::string_view path) const {
    if (!is_taken_over_) return 0;
    fs::Fd parent = fs::open_directory(fd_.get(), parent_path(path));
    Entry entry;
    bool found = parent && fs::read_entry(parent.get(), std::string(last_name(path)).c_str(), entry);
    return found && entry.kind == Kind::file ? entry.stamp.size : 0;
}

fs::Fd FetchDirectory::create_file(std::string_view path) const {
    fs::Fd parent = make_directories(fd_.get(), parent_path(path));
    if (!parent) return {};
    return create_over_leftover(parent.get(), std::string(last_name(path)));
}

void FetchDirectory::remove_file(std::string_view path) const {
    fs::Fd parent = fs::open_directory(fd_.get(), parent_path(path));
    if (parent) ::unlinkat(parent.get(), std::string(last_name(path)).c_str(), 0);
}

}  // namespace syncline
