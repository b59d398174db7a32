#include "cli/hook_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <csignal>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "async/event.hpp"
#include "async/first_of.hpp"
#include "async/nursery.hpp"
#include "base/error.hpp"
#include "fs/fd.hpp"

namespace syncline::cli {
namespace {

constexpr size_t longest_line = 4096;
/// A hook that prints without end must not fill the log.
constexpr size_t most_lines = 1000;

struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("create", "a pipe", errno);
        reader = fs::Fd(ends[0]);
        writer = fs::Fd(ends[1]);
    }
    fs::Fd reader, writer;
};

/// This process's environment with more in it, for exec.
class Environment {
  public:
    explicit Environment(const std::vector<std::pair<std::string, std::string>>& added) {
        for (const auto& [name, value] : added) texts_.push_back(name + "=" + value);
        for (char** each = environ; *each; ++each) {
            std::string_view text = *each;
            bool is_replaced = false;
            for (const auto& [name, value] : added) is_replaced |= text.starts_with(name + "=");
            if (!is_replaced) pointers_.push_back(*each);
        }
        for (std::string& text : texts_) pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
    }
    char** get() { return pointers_.data(); }

  private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

/// A shell in a process group of its own; the group is killed, and the shell reaped, when this dies before its end.
class Shell {
  public:
    Shell(const HookProcess& process, int input, int output) {
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
        posix_spawn_file_actions_addchdir_np(&actions, process.directory.c_str());
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
        sigset_t signals;
        ::sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes, &signals);
        for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGCHLD}) ::sigaddset(&signals, number);
        posix_spawnattr_setsigdefault(&attributes, &signals);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        Environment environment(process.environment);
        const char* arguments[] = {"sh", "-c", process.command.c_str(), nullptr};
        int failed =
            ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, const_cast<char**>(arguments), environment.get());
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (failed == 0) return;
        pid_ = -1;
        throw errno_error("run a command in", process.directory, failed);
    }
    ~Shell() {
        if (pid_ < 0) return;
        kill_group(SIGKILL);
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    Shell(const Shell&) = delete;
    Shell& operator=(const Shell&) = delete;

    void kill_group(int number) const { ::kill(-pid_, number); }

    /// Until it has ended; take_status() then has how.
    Task<void> wait() {
        auto executor = co_await asio::this_coro::executor;
        // glibc 2.36 declares pidfd_open() without C linkage.
        asio::posix::stream_descriptor ended(executor, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
        auto ending = ended.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        co_await std::move(ending);
    }

    int take_status() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_ = -1;
};

/// Cuts what comes into lines.
class Lines {
  public:
    explicit Lines(const std::function<void(const std::string&)>& tell) : tell_(tell) {}

    void add(std::string_view bytes) {
        for (char c : bytes) {
            if (c != '\n') line_ += c;
            if (c == '\n' || line_.size() >= longest_line) end_line();
        }
    }
    void finish() {
        if (!line_.empty()) end_line();
    }

  private:
    void end_line() {
        if (told_ < most_lines) tell_(line_);
        if (++told_ == most_lines) tell_("(more is not told)");
        line_.clear();
    }

    const std::function<void(const std::string&)>& tell_;
    std::string line_;
    size_t told_ = 0;
};

/// One hook on its way. Lives in run_hook_process's frame.
class Run {
  public:
    Run(asio::any_io_executor executor, HookProcess process)
        : process_(std::move(process)), lines_(process_.tell), input_(executor), output_(executor), never_(executor) {
        Pipe input, output;
        shell_.emplace(process_, input.reader.get(), output.writer.get());
        input_.assign(input.writer.release());
        output_.assign(output.reader.release());
        input_.non_blocking(true);
        output_.non_blocking(true);
    }

    Task<HookEnd> to_the_end() {
        HookEnd end;
        std::exception_ptr failure;
        try {
            auto work = attend();
            auto limited = with_deadline(std::move(work), process_.limit, "the hook");
            co_await std::move(limited);
        } catch (const TimedOut&) {
            end.was_out_of_time = true;
        } catch (...) {
            failure = std::current_exception();
        }
        if (end.was_out_of_time || failure) {
            co_await shield();
            auto ending = terminate();
            co_await std::move(ending);
        }
        end.status = shell_->take_status();
        take_rest();
        if (failure) std::rethrow_exception(failure);
        co_return end;
    }

  private:
    /// The end of the shell counts, not that of its output: what it left in the background may hold that open.
    Task<void> attend() {
        auto waiting = shell_->wait();
        auto talk = converse();
        auto both = first_of(std::move(waiting), std::move(talk));
        co_await std::move(both);
    }

    Task<void> converse() {
        auto body = [this](Nursery& nursery) {
            nursery.spawn(feed());
            return listen();
        };
        co_await with_nursery(body);
        co_await never_.wait();
    }

    /// A hook need not read what it is given.
    Task<void> feed() {
        asio::error_code error;
        auto writing =
            asio::async_write(input_, asio::buffer(process_.input), asio::redirect_error(asio::use_awaitable, error));
        co_await std::move(writing);
        input_.close();
    }

    Task<void> listen() {
        std::array<char, 4096> buffer;
        while (true) {
            asio::error_code error;
            auto reading =
                output_.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
            size_t count = co_await std::move(reading);
            if (error) co_return;
            lines_.add({buffer.data(), count});
        }
    }

    Task<void> terminate() {
        shell_->kill_group(SIGTERM);
        try {
            auto waiting = shell_->wait();
            auto limited = with_deadline(std::move(waiting), process_.grace, "the hook");
            co_await std::move(limited);
        } catch (const TimedOut&) {
            // SIGKILL below is for what ignored the first signal.
        }
        shell_->kill_group(SIGKILL);
    }

    /// What it printed just before its end.
    void take_rest() {
        std::array<char, 4096> buffer;
        asio::error_code error;
        for (size_t turns = 0; turns < most_lines; ++turns) {
            size_t count = output_.read_some(asio::buffer(buffer), error);
            if (error) break;
            lines_.add({buffer.data(), count});
        }
        lines_.finish();
    }

    HookProcess process_;
    Lines lines_;
    asio::posix::stream_descriptor input_, output_;
    std::optional<Shell> shell_;
    Event never_;
};

}  // namespace

Task<HookEnd> run_hook_process(HookProcess process) {
    auto executor = co_await asio::this_coro::executor;
    Run run(executor, std::move(process));
    auto whole = run.to_the_end();
    co_return co_await std::move(whole);
}

}  // namespace syncline::cli
