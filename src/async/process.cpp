#include "async/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "async/deadline.hpp"
#include "base/error.hpp"

namespace syncline {
namespace {

void point_at(posix_spawn_file_actions_t& actions, int target, int fd) {
    if (fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, fd, target);
    } else {
        posix_spawn_file_actions_addopen(&actions, target, "/dev/null", O_RDWR, 0);
    }
}

Task<void> read_to_end(asio::posix::stream_descriptor& pipe, std::string& output, size_t limit_bytes) {
    std::array<char, 4096> buffer;
    while (true) {
        asio::error_code error;
        auto reading = pipe.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
        auto count = co_await std::move(reading);
        if (error == asio::error::eof) co_return;
        if (error) throw asio::system_error(error);
        output.append(buffer.data(), count);
        if (output.size() > limit_bytes) throw Error(Errc::failed, "it prints without end");
    }
}

Task<void> collect(std::vector<std::string> arguments, size_t limit_bytes, CommandOutput& result) {
    MessagePipe errors;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("create", "a pipe", errno);
    Descriptor reader(ends[0]);
    Descriptor writer(ends[1]);
    Child child(arguments, -1, writer.get(), errors.writer.get());
    writer = Descriptor();
    auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor pipe(executor, reader.release());
    co_await read_to_end(pipe, result.output, limit_bytes);
    result.status = co_await child.wait();
    result.errors = errors.read_available();
    result.started = true;
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
}

Child::Child(const std::vector<std::string>& arguments, int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    point_at(actions, STDIN_FILENO, input);
    point_at(actions, STDOUT_FILENO, output);
    point_at(actions, STDERR_FILENO, errors);
    // It begins with no signal blocked or ignored, whatever this program does with them.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    ::sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGCHLD, SIGWINCH}) ::sigaddset(&signals, number);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    int failed = ::posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed) {
        pid_ = -1;
        throw std::system_error(failed, std::generic_category(), arguments[0]);
    }
}

Child::~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Task<int> Child::wait() {
    auto executor = co_await asio::this_coro::executor;
    // glibc 2.36 declares pidfd_open() without C linkage.
    asio::posix::stream_descriptor ended(executor, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    auto ending = ended.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    co_await std::move(ending);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    co_return status;
}

MessagePipe::MessagePipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw errno_error("create", "a pipe", errno);
    reader = Descriptor(ends[0]);
    writer = Descriptor(ends[1]);
}

std::string MessagePipe::read_available() {
    std::string text(64 * 1024, '\0');
    auto count = ::read(reader.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
}

Task<CommandOutput> run_command(std::vector<std::string> arguments, size_t limit_bytes, Duration limit) {
    CommandOutput result;
    auto name = arguments[0];
    try {
        auto work = collect(std::move(arguments), limit_bytes, result);
        co_await with_deadline(std::move(work), limit, name);
    } catch (const std::system_error& failure) {
        if (failure.code() != std::errc::no_such_file_or_directory) throw;
    }
    co_return result;
}

}  // namespace syncline
