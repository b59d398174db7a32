#include "state/directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

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

}  // namespace

void create_private_directory(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            create_one(path.substr(0, slash));
        }
        create_one(path);
        return;
    }
    if (!S_ISDIR(status.st_mode)) cannot_create(path, ENOTDIR);
    if ((status.st_mode & 077) != 0 && status.st_uid == ::geteuid()) ::chmod(path.c_str(), 0700);
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
