#include "state/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"
#include "state/store.hpp"

namespace syncline {
namespace {

[[noreturn]] void cannot_create(const std::string& path, int error_number) {
    throw Error(Errc::state, "cannot create the state directory " + escape(path) + ": " + errno_text(error_number) +
                                 "; make its parent writable, or set XDG_STATE_HOME to a directory that is");
}

void create_one(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) {
        // An odd umask may have taken the owner's own bits.
        if (::chmod(path.c_str(), 0700) != 0) cannot_create(path, errno);
        return;
    }
    int why = errno;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) cannot_create(path, why == EEXIST ? errno : why);
    if (!S_ISDIR(status.st_mode)) cannot_create(path, ENOTDIR);
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
    throw Error(Errc::state, "the directory " + escape(path) + " " + why +
                                 ", so others could change what syncline keeps there; put it where only you may write, "
                                 "or set XDG_STATE_HOME "
                                 "and XDG_RUNTIME_DIR to directories of your own");
}

/// A link of one's own to another disk is nobody else's, where nobody else may put one in its place.
bool is_own_link(const std::string& path) {
    struct stat link{}, around{};
    std::string parent = path.substr(0, std::max<size_t>(path.rfind('/'), 1));
    bool is_ours = ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode) && link.st_uid == ::geteuid();
    return is_ours && ::stat(parent.c_str(), &around) == 0 && (around.st_mode & 0022) == 0 &&
           (around.st_uid == ::geteuid() || around.st_uid == 0);
}

/// What was made a moment ago, or was there: looked at by a descriptor, since in a shared parent a name can be
/// exchanged.
void require_private(const std::string& path) {
    int no_follow = is_own_link(path) ? 0 : O_NOFOLLOW;
    int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | no_follow | O_CLOEXEC);
    int error_number = errno;
    struct stat status{};
    if (fd < 0 && ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
        refuse(path, "is a symlink in a place where others may write");
    if (fd < 0) cannot_create(path, error_number);
    bool is_ours = ::fstat(fd, &status) == 0 && status.st_uid == ::geteuid();
    bool is_closed = is_ours && ((status.st_mode & 0777) == 0700 || ::fchmod(fd, 0700) == 0);
    error_number = errno;
    ::close(fd);
    if (!is_ours) refuse(path, "belongs to another user");
    if (!is_closed) cannot_create(path, error_number);
}

}  // namespace

void create_private_directory(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            create_one(path.substr(0, slash));
        }
        create_one(path);
    }
    require_private(path);
}

std::string default_state_directory() {
    // The XDG specification says that a relative path is to be ignored.
    const char* state_home = std::getenv("XDG_STATE_HOME");
    if (state_home != nullptr && state_home[0] == '/') return std::string(state_home) + "/syncline";
    const char* home = std::getenv("HOME");
    if (home != nullptr && home[0] != '\0') return std::string(home) + "/.local/state/syncline";
    throw Error(Errc::state,
                "cannot tell where the state belongs: neither XDG_STATE_HOME nor HOME is set; set one of them");
}

}  // namespace syncline
