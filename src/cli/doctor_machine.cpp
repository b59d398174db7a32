// Doctor's checks of this machine: state, limits, clock, tools.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/text.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/doctor_paths.hpp"
#include "fs/hash.hpp"

namespace syncline::cli {
namespace {

constexpr uint64_t least_state_space = 16u << 20;
constexpr rlim_t least_open_files = 512;
constexpr uint64_t least_watches = 65'536;
constexpr TimeNs year_2024 = 1'704'067'200'000'000'000;

std::optional<uint64_t> read_number(const std::string& path) {
    std::ifstream in(path);
    uint64_t number = 0;
    if (in >> number) return number;
    return std::nullopt;
}

struct InotifyUse {
    uint64_t instances = 0, watches = 0;
};

/// Of one process; nothing of one that is gone meanwhile, or not ours to look into.
void add_inotify_use(const std::filesystem::path& process, InotifyUse& use) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(process / "fd", error), end; !error && at != end; at.increment(error)) {
        std::error_code unread;
        if (std::filesystem::read_symlink(at->path(), unread) != "anon_inode:inotify") continue;
        ++use.instances;
        std::ifstream in(process / "fdinfo" / at->path().filename());
        for (std::string line; std::getline(in, line);) use.watches += line.starts_with("inotify wd:") ? 1 : 0;
    }
}

/// What all processes of this user hold.
InotifyUse inotify_use() {
    InotifyUse use;
    std::error_code error;
    for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
        std::string name = at->path().filename();
        struct stat status{};
        bool is_own_process = name.find_first_not_of("0123456789") == std::string::npos &&
                              ::stat(at->path().c_str(), &status) == 0 && status.st_uid == ::geteuid();
        if (is_own_process) add_inotify_use(at->path(), use);
    }
    return use;
}

bool is_nearly_all(uint64_t used, uint64_t limit) { return used >= limit - limit / 10; }

}  // namespace

Finding check_state_directory(const std::string& directory) {
    const std::string subject = "state directory " + directory;
    std::string trouble = trouble_with_writing(directory);
    if (!trouble.empty()) return {"error", subject, trouble, "make it writable for you, or set XDG_STATE_HOME"};
    struct stat status{};
    if (::stat(directory.c_str(), &status) == 0) {
        if (status.st_uid != ::geteuid())
            return {"error", subject, "belongs to another user", "set XDG_STATE_HOME to a directory of yours"};
        if ((status.st_mode & 077) != 0)
            return {"warning", subject, "is open to others", "chmod 700 " + escape(directory)};
    }
    std::optional<uint64_t> space = free_space(directory);
    if (space && *space < least_state_space)
        return {"error", subject, format_byte_count(*space) + " are free", "make room"};
    return {"ok", subject, space ? format_byte_count(*space) + " are free" : "writable", ""};
}

Finding check_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {"warning", "open files", "the limit cannot be read", ""};
    std::string now = limit.rlim_cur == RLIM_INFINITY ? "no limit" : "limit " + std::to_string(limit.rlim_cur);
    if (limit.rlim_cur < least_open_files) return {"warning", "open files", now + " is low", "ulimit -n 1024"};
    return {"ok", "open files", now, ""};
}

Finding check_io_uring() {
    std::string backend = fs::HashPool(1).backend_description();
    if (backend.starts_with("io_uring")) return {"ok", "io_uring", "in use", ""};
    return {"warning", "io_uring", backend, "works all the same, but reads small files more slowly"};
}

Findings check_inotify() {
    const std::string directory = "/proc/sys/fs/inotify/";
    std::optional<uint64_t> watches = read_number(directory + "max_user_watches");
    std::optional<uint64_t> instances = read_number(directory + "max_user_instances");
    if (!watches || !instances)
        return {{"warning", "inotify", "its limits cannot be read", "watching may not work here"}};
    InotifyUse used = inotify_use();
    std::string now = std::to_string(used.watches) + " of " + std::to_string(*watches) + " watches and " +
                      std::to_string(used.instances) + " of " + std::to_string(*instances) + " instances in use";
    if (is_nearly_all(used.instances, *instances))
        return {{"warning", "inotify", now, "sysctl fs.inotify.max_user_instances=1024"}};
    if (*watches >= least_watches && !is_nearly_all(used.watches, *watches)) return {{"ok", "inotify", now, ""}};
    return {{"warning", "inotify", now + ": few for large trees", "sysctl fs.inotify.max_user_watches=524288"}};
}

Finding check_clock() {
    TimeNs now = wall_clock_now();
    if (now < year_2024) return {"error", "clock", "it says " + format_time(now), "set it, or let NTP do so"};
    timex state{};
    int status = ::adjtimex(&state);
    bool is_synchronised = status >= 0 && (state.status & STA_UNSYNC) == 0;
    if (is_synchronised) return {"ok", "clock", "synchronised", ""};
    return {"warning", "clock", "it says " + format_time(now) + ", and nothing keeps it right",
            "run an NTP client: a clock that jumps delays or repeats scheduled runs"};
}

Finding check_git(const std::string& search_path) {
    for (std::string_view rest = search_path; !rest.empty();) {
        size_t end = std::min(rest.find(':'), rest.size());
        std::string candidate = std::string(rest.substr(0, end)) + "/git";
        if (candidate.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return {"ok", "git", candidate, ""};
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {"ok", "git", "not installed; ignore files are read without it", ""};
}

}  // namespace syncline::cli
