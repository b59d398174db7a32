#include "state/lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "state/directory.hpp"
#include "state/hash64.hpp"

namespace syncline {
namespace {

[[noreturn]] void cannot_use(const std::string& path, int error_number) {
    throw Error(Errc::state, "cannot use the lock file " + escape(path) + ": " + errno_text(error_number) +
                                 "; make the state directory writable for this user and see that its disk is not full");
}

int open_lock_file(const std::string& path) {
    constexpr int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = ::open(path.c_str(), flags, 0600);
    if (fd < 0 && errno == ENOENT) {
        create_private_directory(std::string(parent_path(path)));
        fd = ::open(path.c_str(), flags, 0600);
    }
    if (fd < 0) cannot_use(path, errno);
    return fd;
}

/// Whether the file that was locked is still the one that others find under the name.
bool is_still_at(int fd, const std::string& path) {
    struct stat ours{}, there{};
    return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

std::string read_holder(int fd) {
    std::array<char, 32> text{};
    ssize_t count = ::pread(fd, text.data(), text.size(), 0);
    std::string_view seen(text.data(), count < 0 ? 0 : static_cast<size_t>(count));
    std::string_view digits = seen.substr(0, seen.find_first_not_of("0123456789"));
    return std::string(digits);
}

/// Only for messages, so a full disk is no reason to fail.
void write_holder(int fd) {
    std::string text = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0) return;
}

std::string lock_path(const std::string& state_directory, std::string_view kind, std::string_view key) {
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(hash64(key, 0)));
    return state_directory + "/locks/" + std::string(kind) + "-" + hex + ".lock";
}

}  // namespace

std::optional<FileLock> FileLock::try_acquire(const std::string& path, std::string& holder) {
    while (true) {
        FileLock lock(open_lock_file(path));
        int result = 0;
        do {
            result = ::flock(lock.fd_, LOCK_EX | LOCK_NB);
        } while (result != 0 && errno == EINTR);
        if (result != 0) {
            if (errno != EWOULDBLOCK) cannot_use(path, errno);
            holder = read_holder(lock.fd_);
            return std::nullopt;
        }
        if (!is_still_at(lock.fd_, path)) continue;
        write_holder(lock.fd_);
        return lock;
    }
}

FileLock FileLock::acquire(const std::string& path, Duration patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        std::string holder;
        if (std::optional<FileLock> lock = try_acquire(path, holder)) return std::move(*lock);
        if (std::chrono::steady_clock::now() >= deadline) {
            throw Error(Errc::state, "cannot lock " + escape(path) + " within " + format_duration(patience) +
                                         ": process " + (holder.empty() ? "(unknown)" : holder) +
                                         " holds it; end that process or try again");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

void FileLock::set_address(const std::string& address) {
    std::string text = std::to_string(::getpid()) + "\n" + address + "\n";
    if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, text.data(), text.size(), 0) < 0) return;
}

FileLock::~FileLock() {
    if (fd_ >= 0) ::close(fd_);
}

std::string lock_address(const std::string& path) {
    std::ifstream file(path);
    std::string pid, address;
    std::getline(file, pid);
    std::getline(file, address);
    return address;
}

namespace {

/// The table of locks names a file by a number that another file system may use too.
bool has_open(int pid, const struct stat& wanted) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
        struct stat open{};
        if (::stat(entry.path().c_str(), &open) != 0) continue;
        if (open.st_dev == wanted.st_dev && open.st_ino == wanted.st_ino) return true;
    }
    return false;
}

}  // namespace

std::optional<int> lock_holder(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    // "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF"; who waits for it has "->" behind the number.
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, kind, mode, access, place;
        int pid = 0;
        if (!(words >> number >> kind >> mode >> access >> pid >> place) || kind != "FLOCK" || pid <= 0) continue;
        if (place.substr(place.rfind(':') + 1) != std::to_string(status.st_ino)) continue;
        if (has_open(pid, status)) return pid;
    }
    return std::nullopt;
}

std::string job_lock_path(const std::string& state_directory, const PairKey& key) {
    return lock_path(state_directory, "job", key.root + '\0' + key.destination);
}

std::vector<std::string> run_lock_paths(const std::string& state_directory, const PairKey& key) {
    const std::string& target = key.direction == Direction::push ? key.destination : key.root;
    PairKey target_key{"", target, Direction::push};
    return {job_lock_path(state_directory, key), job_lock_path(state_directory, target_key)};
}

std::string engine_lock_path(const std::string& state_directory, const std::string& job_file) {
    return lock_path(state_directory, "engine", job_file);
}

}  // namespace syncline
