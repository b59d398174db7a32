// What a local root is: its identity, whether it is a mount point, and whether a mirror may ever go there.
#include <fcntl.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "endpoint/local.hpp"
#include "endpoint/volume.hpp"

namespace syncline {
namespace {

/// FS_IOC_GETFSUUID of <linux/fs.h>, since Linux 6.9; older headers lack it.
struct FileSystemUuid {
    uint8_t size;
    uint8_t bytes[16];
};
constexpr unsigned long get_file_system_uuid = _IOR(0x15, 0, FileSystemUuid);

/// Hex; "" where the file system, or the kernel, does not say. `directory` may be a path descriptor.
std::string file_system_uuid(int directory) {
    constexpr decltype(statfs::f_type) btrfs = 0x9123683e;  // one UUID for all its subvolumes, which the id tells apart
    struct statfs status{};
    FileSystemUuid uuid{};
    if (::fstatfs(directory, &status) != 0 || status.f_type == btrfs) return "";
    fs::Fd readable(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!readable || ::ioctl(readable.get(), get_file_system_uuid, &uuid) != 0) return "";
    std::string text;
    char digits[3];
    for (size_t i = 0; i < std::min<size_t>(uuid.size, sizeof uuid.bytes); ++i) {
        std::snprintf(digits, sizeof digits, "%02x", uuid.bytes[i]);
        text += digits;
    }
    return text;
}

/// f_type and f_fsid: the same from mount to mount, unlike st_dev, but where f_fsid is made from that (XFS, FAT).
std::string file_system_id(int fd) {
    struct statfs status{};
    if (::fstatfs(fd, &status) != 0) return "";
    std::array<int, 2> id{};
    static_assert(sizeof id == sizeof status.f_fsid);
    std::memcpy(id.data(), &status.f_fsid, sizeof id);
    char text[64];
    std::snprintf(text, sizeof text, "%lx:%08x%08x", static_cast<unsigned long>(status.f_type),
                  static_cast<unsigned>(id[0]), static_cast<unsigned>(id[1]));
    return text;
}

}  // namespace

std::optional<RootIdentity> identify_root(const std::string& path) {
    fs::Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return std::nullopt;
    if (!fd) throw errno_error("look at", path, errno);
    return identify_root(fd.get(), path);
}

RootIdentity identify_root(int fd, const std::string& path) {
    struct statx status{};
    struct stat link_status{};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_INO | STATX_BTIME, &status) != 0) {
        throw errno_error("look at", path, errno);
    }
    RootIdentity identity;
    identity.file_system = file_system_id(fd);
    identity.uuid = S_ISDIR(status.stx_mode) ? file_system_uuid(fd) : "";
    identity.inode = status.stx_ino;
    identity.mode = status.stx_mode & 07777;
    identity.kind = Kind::directory;
    bool is_link = ::lstat(path.c_str(), &link_status) == 0 && S_ISLNK(link_status.st_mode);
    if (is_link) identity.kind = Kind::symlink;
    if (!S_ISDIR(status.stx_mode)) identity.kind = S_ISREG(status.stx_mode) ? Kind::file : Kind::special;
    std::optional<std::string> place;
    if (S_ISDIR(status.stx_mode) && has_passing_inodes(fd)) place = describe_place(fd);
    if (place) {
        identity.file_system = *place;
        identity.uuid = "";
        identity.inode = 0;
        return identity;
    }
    bool knows_birth = (status.stx_mask & STATX_BTIME) != 0;
    if (knows_birth) identity.born = status.stx_btime.tv_sec * ns_per_second + status.stx_btime.tv_nsec;
    return identity;
}

std::string resolve_path(const std::string& path) {
    std::error_code error;
    std::filesystem::path resolved = std::filesystem::weakly_canonical(path, error);
    return error ? path : resolved.string();
}

bool is_mount_point(const std::string& path) {
    struct statx status{};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &status) != 0) return false;
    return (status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0 &&
           (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

bool is_root_or_home(const std::string& path) {
    std::string target = resolve_path(path);
    if (target == "/") return true;
    const char* home = std::getenv("HOME");
    if (home != nullptr && *home != '\0' && target == resolve_path(home)) return true;
    bool found = false;
    ::setpwent();
    while (passwd* user = ::getpwent()) {
        // Services have homes such as /var/www that nobody lives in.
        bool is_person = user->pw_uid == 0 || user->pw_uid >= 1000;
        std::string directory = user->pw_dir != nullptr ? user->pw_dir : "";
        if (is_person && directory.size() > 1 && target == resolve_path(directory)) found = true;
    }
    ::endpwent();
    return found;
}

}  // namespace syncline
