#include "cli/detach.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "base/text.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "config/paths.hpp"
#include "fs/fd.hpp"
#include "state/directory.hpp"
#include "state/store.hpp"

namespace syncline::cli {
namespace {

struct Pipe {
    fs::Fd reading, writing;

    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(Errc::failed, "cannot make a pipe: " + errno_text(errno));
        reading = fs::Fd(ends[0]);
        writing = fs::Fd(ends[1]);
    }
};

/// In the child, after the fork: async-signal-safe calls only.
[[noreturn]] void become_engine(char* const* arguments, int errors, int ready, int ready_number) {
    ::setsid();
    int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    // The copy is not closed by exec; its number is in the arguments.
    if (ready == ready_number) {
        ::fcntl(ready, F_SETFD, 0);
    } else {
        ::dup2(ready, ready_number);
    }
    ::execv("/proc/self/exe", arguments);
    constexpr std::string_view message = "syncline: cannot start the engine: /proc is missing\n";
    if (::write(STDERR_FILENO, message.data(), message.size()) < 0) ::_exit(exit_failed);
    ::_exit(exit_failed);
}

/// Reads both pipes until the engine is up or has ended; whether it is up.
bool await_engine(Session& session, int errors, int ready) {
    std::array<pollfd, 2> entries{pollfd{errors, POLLIN, 0}, pollfd{ready, POLLIN, 0}};
    bool is_up = false;
    while (entries[1].fd >= 0) {
        if (::poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) return false;
        for (pollfd& entry : entries) {
            if (entry.fd < 0 || entry.revents == 0) continue;
            char bytes[4096];
            ssize_t count = ::read(entry.fd, bytes, sizeof bytes);
            if (count > 0 && entry.fd == errors) {
                session.console.complain({bytes, static_cast<size_t>(count)});
            } else if (count > 0) {
                is_up = true;
                entry.fd = -1;
            } else {
                entry.fd = -1;
            }
        }
    }
    return is_up;
}

void drain(Session& session, int errors) {
    char bytes[4096];
    for (ssize_t count = 0; (count = ::read(errors, bytes, sizeof bytes)) > 0;) {
        session.console.complain({bytes, static_cast<size_t>(count)});
    }
}

int status_of(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) != exit_ok ? WEXITSTATUS(status) : int{exit_failed};
}

}  // namespace

int start_detached(Session& session, const EnginePlace& place, std::vector<std::string> words, const std::string& log) {
    Pipe errors, ready;
    const int ready_number = ready.writing.get();
    words.insert(words.begin(), {"syncline", "apply", "--ready-fd", std::to_string(ready_number), "--log-file", log});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t child = ::fork();
    if (child < 0) throw Error(Errc::failed, "cannot start the engine: " + errno_text(errno));
    if (child == 0) become_engine(arguments.data(), errors.writing.get(), ready.writing.get(), ready_number);
    errors.writing = fs::Fd();
    ready.writing = fs::Fd();
    if (!await_engine(session, errors.reading.get(), ready.reading.get())) {
        drain(session, errors.reading.get());
        return status_of(child);
    }
    session.output.info("the engine of " + escape(place.job_file) + " runs in the background (pid " +
                        std::to_string(child) + "); its log is " + escape(log));
    return exit_ok;
}

std::vector<std::string> words_for_engine(const Session& session, bool takes_file) {
    std::vector<std::string> words;
    std::optional<JobFilePath> file = locate_job_file(session, takes_file);
    if (file && file->was_named) words = {"-f", file->path};
    if (session.line.verbose) words.emplace_back("-v");
    return words;
}

std::string log_for_engine(const Session& session, const EnginePlace& place) {
    if (session.line.log_file.empty()) {
        create_private_directory(default_state_directory());
        return place.log;
    }
    return absolute_path(session.line.log_file, session.environment.current_directory, session.environment);
}

void tell_parent(const std::string& ready_fd) {
    int fd = -1;
    auto [end, error] = std::from_chars(ready_fd.data(), ready_fd.data() + ready_fd.size(), fd);
    if (error != std::errc() || end != ready_fd.data() + ready_fd.size() || fd <= STDERR_FILENO) return;
    int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing >= 0) {
        ::dup2(nothing, STDERR_FILENO);
        ::close(nothing);
    }
    // A file system that it was started in can be unmounted again. Neither failure is one of the engine.
    [[maybe_unused]] int moved = ::chdir("/");
    [[maybe_unused]] ssize_t told = ::write(fd, "1", 1);
    ::close(fd);
}

}  // namespace syncline::cli
