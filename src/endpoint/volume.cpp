#include "endpoint/volume.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/rel_path.hpp"
#include "fs/fd.hpp"

namespace syncline {
namespace {

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct Mount {
    std::string device, root, point, type, source;
};

/// Space, tab, newline and backslash stand there as three octal digits.
std::string unescape_octal(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        bool is_escape = text[i] == '\\' && i + 3 < text.size();
        if (!is_escape) {
            result += text[i];
            continue;
        }
        result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return result;
}

std::optional<Mount> read_mount(const std::string& line) {
    std::istringstream words(line);
    std::string id, parent, options, word;
    Mount mount;
    words >> id >> parent >> mount.device >> mount.root >> mount.point >> options;
    while (words >> word && word != "-") continue;
    if (!(words >> mount.type >> mount.source)) return std::nullopt;
    for (std::string* text : {&mount.root, &mount.point, &mount.source}) *text = unescape_octal(*text);
    return mount;
}

bool holds(const std::string& directory, const std::string& path) {
    if (directory == "/" || directory == path) return true;
    return path.starts_with(directory) && path[directory.size()] == '/';
}

/// The innermost mount of this device above `path`; of two on one point the later one.
std::optional<Mount> mount_of(int fd, const std::string& path) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return std::nullopt;
    std::string device = std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
    std::ifstream mounts("/proc/self/mountinfo");
    std::optional<Mount> found;
    for (std::string line; std::getline(mounts, line);) {
        std::optional<Mount> mount = read_mount(line);
        bool is_it = mount && mount->device == device && holds(mount->point, path);
        if (is_it && (!found || mount->point.size() >= found->point.size())) found = std::move(mount);
    }
    return found;
}

/// The name among `directory`'s links that leads to this device, as udev makes them.
std::string link_to(const char* directory, dev_t device) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        struct stat status{};
        bool leads_there = ::stat(entry.path().c_str(), &status) == 0 && status.st_rdev == device;
        if (leads_there) return entry.path().filename();
    }
    return "";
}

std::string hex_of(const unsigned char* last_byte, int bytes) {
    std::string text;
    char digits[3];
    for (int i = 0; i < bytes; ++i) {
        std::snprintf(digits, sizeof digits, "%02X", last_byte[-i]);
        text += digits;
        if (bytes == 4 && i == 1) text += '-';
    }
    return text;
}

/// From the volume's first sector, written as blkid does; "" where it cannot be read or is another file system's.
std::string serial_of(const std::string& device) {
    struct Where {
        size_t magic_at;
        std::string_view magic;
        size_t serial_at;
        int bytes;
    };
    constexpr Where places[] = {
        {3, "EXFAT   ", 100, 4}, {82, "FAT32   ", 67, 4}, {54, "FAT1", 39, 4}, {3, "NTFS    ", 72, 8}};
    std::array<unsigned char, 512> sector{};
    fs::Fd file(::open(device.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file || ::pread(file.get(), sector.data(), sector.size(), 0) != static_cast<ssize_t>(sector.size())) return "";
    for (const Where& place : places) {
        if (std::memcmp(&sector[place.magic_at], place.magic.data(), place.magic.size()) != 0) continue;
        return hex_of(&sector[place.serial_at + static_cast<size_t>(place.bytes) - 1], place.bytes);
    }
    return "";
}

/// What tells the medium, whatever device it is today.
std::string medium_of(const std::string& source) {
    struct stat status{};
    if (!source.starts_with("/dev/") || ::stat(source.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return source;
    std::string uuid = link_to("/dev/disk/by-uuid", status.st_rdev);
    if (uuid.empty()) uuid = serial_of(source);
    if (!uuid.empty()) return "volume " + uuid;
    std::string label = link_to("/dev/disk/by-label", status.st_rdev);
    return label.empty() ? source : "volume labelled " + label;
}

}  // namespace

bool has_passing_inodes(int fd) {
    constexpr decltype(statfs::f_type) fuse = 0x65735546, exfat = 0x2011bab0, fat = 0x4d44;
    struct statfs status{};
    return ::fstatfs(fd, &status) == 0 && (status.f_type == fuse || status.f_type == exfat || status.f_type == fat);
}

std::optional<std::string> describe_place(int fd) {
    std::error_code error;
    std::string path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error);
    if (error) return std::nullopt;
    std::optional<Mount> mount = mount_of(fd, path);
    if (!mount) return std::nullopt;
    std::string text = mount->type + " " + medium_of(mount->source);
    std::string below = mount->root == "/" ? "" : mount->root.substr(1);
    if (path.size() > mount->point.size())
        below = join_path(below, path.substr(mount->point == "/" ? 1 : mount->point.size() + 1));
    return below.empty() ? text : text + ", directory " + below;
}

}  // namespace syncline
