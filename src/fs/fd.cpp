#include "fs/fd.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace syncline::fs {

namespace {

// The kernel takes paths of up to PATH_MAX - 1 = 4,095 bytes.
constexpr size_t max_piece_bytes = 4095;
constexpr int max_rename_races = 16;

/// Takes from the front of `rest` as many whole components as fit into `limit` bytes, but at least one.
std::string take_piece(std::string_view& rest, size_t limit) {
    size_t end = rest.size();
    if (end > limit) {
        end = rest.rfind('/', limit);
        if (end == std::string_view::npos || end == 0) end = std::min(rest.find('/'), rest.size());
    }
    std::string piece(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return piece;
}

int open_beneath(int directory, const std::string& piece, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0;; ++attempt) {
        long fd = ::syscall(SYS_openat2, directory, piece.c_str(), &how, sizeof how);
        // EAGAIN: something was renamed while the kernel looked, so that it could not be sure to be still beneath.
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || attempt == max_rename_races) return static_cast<int>(fd);
    }
}

/// Opens one component, which itself is no symlink.
int open_component(int directory, const std::string& name, int flags) {
    int fd;
    do fd = ::openat(directory, name.c_str(), flags | O_NOFOLLOW);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int open_following(int directory, const std::string& piece, int flags) {
    int fd;
    do fd = ::openat(directory, piece.c_str(), flags);
    while (fd < 0 && errno == EINTR);
    return fd;
}

using OpenPiece = int (*)(int directory, const std::string& piece, int flags);

/// Opens `relative` piece by piece. What lies between needs search permission only, hence O_PATH.
Fd open_in_pieces(int root, std::string_view relative, size_t piece_bytes, OpenPiece open_piece) {
    Fd fd;
    std::string_view rest = relative;
    do {
        std::string piece = take_piece(rest, piece_bytes);
        int access = rest.empty() ? O_RDONLY : O_PATH;
        Fd next(open_piece(fd ? fd.get() : root, piece, access | O_DIRECTORY | O_CLOEXEC));
        if (!next) return next;
        fd = std::move(next);
    } while (!rest.empty());
    return fd;
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

Fd::~Fd() { close(); }

void Fd::close() {
    if (fd_ < 0) return;
    int saved = errno;
    // Linux gives the number back whatever close() says, so it is never repeated.
    ::close(std::exchange(fd_, -1));
    errno = saved;
}

Fd open_root(const std::string& path) {
    Fd fd(open_following(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) throw errno_error("open directory", path, errno);
    return fd;
}

Fd open_directory(int root, std::string_view relative, Links links) {
    if (relative.empty()) return Fd(open_following(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!is_valid_path(relative)) {
        errno = EINVAL;
        return Fd();
    }
    if (links == Links::follow) return open_in_pieces(root, relative, max_piece_bytes, open_following);
    Fd fd = open_in_pieces(root, relative, max_piece_bytes, open_beneath);
    // Kernels before 5.6, and sandboxes that answer EPERM for what they do not know, have no openat2.
    if (!fd && (errno == ENOSYS || errno == EPERM)) fd = open_in_pieces(root, relative, 0, open_component);
    return fd;
}

int DirectoryCache::open(std::string_view relative) {
    if (valid_ && path_ == relative) return fd_.get();
    fd_ = open_directory(root_, relative, links_);
    valid_ = static_cast<bool>(fd_);
    if (valid_) path_ = relative;
    return fd_.get();
}

const unsigned statx_mask = STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_MTIME | STATX_CTIME | STATX_INO;
const int statx_flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_AS_STAT | AT_EMPTY_PATH;

bool read_entry(int directory, const char* name, Entry& entry) {
    struct statx status;
    if (::statx(directory, name, statx_flags, statx_mask, &status) != 0) return false;
    entry = to_entry(status);
    return true;
}

namespace {

TimeNs to_time(const struct statx_timestamp& time) {
    // Seconds beyond the years 1678 to 2262 do not fit; any fixed value does, as times are only compared.
    TimeNs nanoseconds;
    if (__builtin_mul_overflow(time.tv_sec, ns_per_second, &nanoseconds))
        return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
    return __builtin_add_overflow(nanoseconds, time.tv_nsec, &nanoseconds) ? INT64_MAX : nanoseconds;
}

Kind to_kind(unsigned mode) {
    if (S_ISREG(mode)) return Kind::file;
    if (S_ISDIR(mode)) return Kind::directory;
    return S_ISLNK(mode) ? Kind::symlink : Kind::special;
}

}  // namespace

Stamp to_stamp(const struct statx& status) {
    return {status.stx_size, to_time(status.stx_mtime), to_time(status.stx_ctime), status.stx_ino};
}

uint64_t device_of(const struct statx& status) { return uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor; }

Entry to_entry(const struct statx& status) {
    Entry entry;
    entry.mode = status.stx_mode & 07777;
    entry.kind = to_kind(status.stx_mode);
    entry.stamp = to_stamp(status);
    bool is_mount_root = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    if (entry.kind == Kind::directory && is_mount_root) entry.flags = mount_point;
    return entry;
}

}  // namespace syncline::fs
