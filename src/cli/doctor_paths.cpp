#include "cli/doctor_paths.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline::cli {
namespace {

std::string parent_of(const std::string& path) { return path.substr(0, std::max<size_t>(path.rfind('/'), 1)); }

/// By the effective user, as opening would.
bool may(const std::string& path, int mode) { return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0; }

}  // namespace

std::string nearest_existing(const std::string& directory) {
    std::string at = directory;
    struct stat status{};
    while (at.size() > 1 && ::lstat(at.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
        at = parent_of(at);
    return at;
}

std::string trouble_with_writing(const std::string& directory) {
    std::string existing = nearest_existing(directory);
    struct stat status{};
    if (::stat(existing.c_str(), &status) != 0) return escape(existing) + " cannot be reached: " + errno_text(errno);
    if (!S_ISDIR(status.st_mode)) return escape(existing) + " is no directory";
    if (may(existing, W_OK | X_OK)) return {};
    std::string why = errno_text(errno);
    return existing == directory ? "cannot be written: " + why
                                 : "cannot be created in " + escape(existing) + ": " + why;
}

std::string trouble_with_reading(const std::string& directory) {
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0)
        return errno == ENOENT ? "is not there" : "cannot be reached: " + errno_text(errno);
    if (!S_ISDIR(status.st_mode)) return "is no directory";
    if (!may(directory, R_OK | X_OK)) return "cannot be read: " + errno_text(errno);
    return {};
}

std::optional<uint64_t> free_space(const std::string& directory) {
    struct statvfs status{};
    if (::statvfs(nearest_existing(directory).c_str(), &status) != 0) return std::nullopt;
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

bool share_file_system(const std::string& a, const std::string& b) {
    struct stat first{}, second{};
    if (::stat(nearest_existing(a).c_str(), &first) != 0 || ::stat(nearest_existing(b).c_str(), &second) != 0)
        return false;
    return first.st_dev == second.st_dev;
}

}  // namespace syncline::cli
