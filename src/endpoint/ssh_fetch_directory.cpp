#include "endpoint/ssh_fetch_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/rel_path.hpp"
#include "endpoint/local_item.hpp"
#include "fs/walk.hpp"

namespace syncline {

FetchDirectory::~FetchDirectory() {
    if (path_.empty() || is_kept_) return;
    fd_.close();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void FetchDirectory::prepare(const std::string& local_root) {
    if (fd_) return;
    if (take_over(local_root)) return;
    path_ = local_root + "/" + new_temporary_name();
    if (::mkdir(path_.c_str(), 0700) != 0) throw errno_error("create the directory", path_, errno);
    fd_ = fs::Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd_) throw errno_error("open the directory", path_, errno);
}

/// The first that nobody else can write to. Others are swept when the run has ended well.
bool FetchDirectory::take_over(const std::string& local_root) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(local_root, ignored)) {
        if (!fs::is_temporary_name(entry.path().filename().native())) continue;
        fs::Fd directory(::open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        struct stat status{};
        if (!directory || ::fstat(directory.get(), &status) != 0) continue;
        if (status.st_uid != ::geteuid() || (status.st_mode & 0077) != 0) continue;
        path_ = entry.path();
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
    std::string_view parent = parent_path(path);
    for (size_t slash = parent.find('/'); !parent.empty(); slash = parent.find('/', slash + 1)) {
        std::string part(parent.substr(0, slash));
        if (::mkdirat(fd_.get(), part.c_str(), 0700) != 0 && errno != EEXIST && errno != ENAMETOOLONG) return {};
        if (slash == std::string_view::npos) break;
    }
    fs::Fd place = fs::open_directory(fd_.get(), parent);
    if (!place) return {};
    std::string name(last_name(path));
    ::unlinkat(place.get(), name.c_str(), 0);  // of an earlier run
    return fs::Fd(::openat(place.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

void FetchDirectory::remove_file(std::string_view path) const {
    fs::Fd parent = fs::open_directory(fd_.get(), parent_path(path));
    if (parent) ::unlinkat(parent.get(), std::string(last_name(path)).c_str(), 0);
}

}  // namespace syncline
