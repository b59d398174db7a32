#include "fs/git_config.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <cerrno>
#include <chrono>
#include <string_view>
#include <vector>

#include "fs/fd.hpp"

namespace syncline::fs {

namespace {

constexpr std::chrono::seconds time_limit{5};
constexpr size_t max_answer_bytes = 64 * 1024;

/// Our environment without what would make git look at another repository than that of the directory.
std::vector<char*> clean_environment() {
    std::vector<char*> result;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        std::string_view text = *variable;
        bool points_elsewhere = text.starts_with("GIT_DIR=") || text.starts_with("GIT_WORK_TREE=") ||
                                text.starts_with("GIT_COMMON_DIR=") || text.starts_with("GIT_CONFIG=");
        if (!points_elsewhere) result.push_back(*variable);
    }
    result.push_back(nullptr);
    return result;
}

/// Starts git with its output going to `output`; -1 when that cannot be done.
pid_t start_git(const std::string& directory, const std::string& type, const std::string& key, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> words{"git", "config", "--null", "--type=" + type, "--get", key};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::vector<char*> variables = clean_environment();
    pid_t pid = -1;
    int failed = ::posix_spawnp(&pid, "git", &actions, nullptr, arguments.data(), variables.data());
    posix_spawn_file_actions_destroy(&actions);
    return failed == 0 ? pid : -1;
}

/// Reads until the other end closes; false when that takes too long or is too much.
bool read_answer(int fd, std::string& answer) {
    auto deadline = std::chrono::steady_clock::now() + time_limit;
    while (answer.size() <= max_answer_bytes) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd ready{fd, POLLIN, 0};
        int count = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        char buffer[4096];
        ssize_t bytes = ::read(fd, buffer, sizeof buffer);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes <= 0) return bytes == 0;
        answer.append(buffer, static_cast<size_t>(bytes));
    }
    return false;
}

std::optional<std::string> git_config(const std::string& directory, const std::string& type, const std::string& key) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
    Fd reading(ends[0]), writing(ends[1]);
    pid_t pid = start_git(directory, type, key, writing.get());
    if (pid < 0) return std::nullopt;
    writing.close();
    std::string answer;
    bool complete = read_answer(reading.get(), answer);
    if (!complete) ::kill(pid, SIGKILL);
    int status = 0;
    pid_t reaped;
    do reaped = ::waitpid(pid, &status, 0);
    while (reaped < 0 && errno == EINTR);
    // When SIGCHLD is ignored there is no status; an answer that ends as it should then says enough.
    bool succeeded = reaped == pid ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : true;
    if (!complete || !succeeded || !answer.ends_with('\0')) return std::nullopt;
    answer.pop_back();
    return answer;
}

}  // namespace

std::optional<std::string> git_config_path(const std::string& directory, const std::string& key) {
    return git_config(directory, "path", key);
}

bool git_config_flag(const std::string& directory, const std::string& key) {
    return git_config(directory, "bool", key) == "true";
}

}  // namespace syncline::fs
