#include "fs/git_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "fs/git_config.hpp"

namespace syncline::fs {

namespace {

constexpr off_t max_text_bytes = 16 << 20;

bool is_missing(int error_number) { return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP; }

/// What is said of a directory, "" being "/".
bool status_of(const std::string& path, struct stat& status) {
    return ::stat(path.empty() ? "/" : path.c_str(), &status) == 0;
}

FileText read_open_file(int fd) {
    std::string text;
    char buffer[16 * 1024];
    while (true) {
        ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return {std::nullopt, errno_text(errno)};
        if (count == 0) return {std::move(text), {}};
        text.append(buffer, static_cast<size_t>(count));
        if (text.size() > static_cast<size_t>(max_text_bytes)) return {std::nullopt, "is larger than 16 MiB"};
    }
}

}  // namespace

FileText read_text(int directory, const std::string& path, bool follow) {
    // Most of these files do not exist, and what is no regular file must not even be opened.
    struct stat status{};
    if (::fstatat(directory, path.c_str(), &status, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) {
        // EACCES here means that nothing in the directory can be looked at, which is not this file's trouble.
        return is_missing(errno) || errno == EACCES ? FileText{} : FileText{std::nullopt, errno_text(errno)};
    }
    if (!S_ISREG(status.st_mode)) return {};
    Fd fd(::openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW)));
    if (!fd) return is_missing(errno) ? FileText{} : FileText{std::nullopt, errno_text(errno)};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    if (status.st_size > max_text_bytes) return {std::nullopt, "is larger than 16 MiB"};
    return read_open_file(fd.get());
}

namespace {

bool is_directory(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string resolve(const std::string& base, std::string_view path) {
    return path.starts_with('/') ? std::string(path) : base + "/" + std::string(path);
}

/// The first line of a file such as `.git` or `commondir`; "" when it cannot be read.
std::string read_pointer(const std::string& path) {
    std::string text = read_text(AT_FDCWD, path, true).text.value_or("");
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

/// Fills in the common directory; false when git would not take `git_dir` for a repository.
bool complete(Repository& repository) {
    struct stat status{};
    if (::lstat((repository.git_dir + "/HEAD").c_str(), &status) != 0) return false;
    std::string common = read_pointer(repository.git_dir + "/commondir");
    repository.common_dir = common.empty() ? repository.git_dir : resolve(repository.git_dir, common);
    return is_directory(repository.common_dir + "/objects") && is_directory(repository.common_dir + "/refs");
}

}  // namespace

std::optional<Repository> repository_at(const std::string& top) {
    std::string dot_git = top + "/.git";
    struct stat status{};
    if (::stat(dot_git.c_str(), &status) != 0) return std::nullopt;
    Repository repository{top, dot_git, {}};
    if (S_ISDIR(status.st_mode)) return complete(repository) ? std::optional(repository) : std::nullopt;
    std::string pointer = read_pointer(dot_git);
    constexpr std::string_view key = "gitdir: ";
    if (!S_ISREG(status.st_mode) || !pointer.starts_with(key)) return std::nullopt;
    repository.git_dir = resolve(top, std::string_view(pointer).substr(key.size()));
    // A work tree whose repository is gone is still none of the outer repository's.
    if (!complete(repository)) repository.git_dir = repository.common_dir = "";
    return repository;
}

std::optional<Repository> repository_around(const std::string& directory) {
    struct stat start{};
    if (!status_of(directory, start)) return std::nullopt;
    for (std::string top = directory;;) {
        struct stat status{};
        if (!status_of(top, status) || status.st_dev != start.st_dev) return std::nullopt;
        if (auto repository = repository_at(top)) {
            bool is_trusted =
                top == directory || status.st_uid == ::geteuid() || status.st_uid == 0 || status.st_uid == start.st_uid;
            return is_trusted ? repository : std::nullopt;
        }
        size_t slash = top.rfind('/');
        if (slash == std::string::npos) return std::nullopt;
        top.erase(slash);
    }
}

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Whether a configuration file may hold `key`, in lower case, be it by including another.
bool may_hold(const std::string& path, std::string_view key) {
    FileText file = read_text(AT_FDCWD, path, true);
    if (!file.error.empty()) return true;
    std::string text = file.text.value_or("");
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find(key) != std::string::npos || text.find("include") != std::string::npos;
}

/// $XDG_CONFIG_HOME/git, or what stands for it; "" for none.
std::string git_home_directory() {
    std::string home = environment("HOME"), config_home = environment("XDG_CONFIG_HOME");
    if (config_home.empty() && !home.empty()) config_home = home + "/.config";
    return config_home.empty() ? "" : config_home + "/git";
}

/// Whether git may have something to say on `key`, so that it is worth asking.
bool is_configured(std::string_view key, const std::optional<Repository>& repository) {
    std::string home = environment("HOME"), git_home = git_home_directory();
    for (const char* name : {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"}) {
        if (std::getenv(name) != nullptr) return true;
    }
    std::vector<std::string> files{"/etc/gitconfig", "/usr/local/etc/gitconfig"};
    if (!home.empty()) files.push_back(home + "/.gitconfig");
    if (!git_home.empty()) files.push_back(git_home + "/config");
    if (repository && !repository->common_dir.empty()) {
        files.push_back(repository->common_dir + "/config");
        files.push_back(repository->git_dir + "/config.worktree");
    }
    return std::any_of(files.begin(), files.end(), [&](const std::string& file) { return may_hold(file, key); });
}

}  // namespace

bool folds_ignored_case(const std::string& directory, const std::optional<Repository>& repository) {
    return is_configured("ignorecase", repository) && git_config_flag(directory, "core.ignoreCase");
}

std::string user_excludes_path(const std::string& directory, const std::optional<Repository>& repository) {
    std::string git_home = git_home_directory();
    if (is_configured("excludesfile", repository)) {
        std::optional<std::string> configured = git_config_path(directory, "core.excludesFile");
        // git reads a relative path from the top of the work tree, and an empty one as "none".
        if (configured)
            return configured->empty() ? "" : resolve(repository ? repository->top : directory, *configured);
    }
    return git_home.empty() ? "" : git_home + "/ignore";
}

}  // namespace syncline::fs
