#include "cli/terminal.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <utility>

namespace syncline::cli {
namespace {

constexpr size_t longest_answer = 4096;

/// Of the question that is open now, or of the raw terminal, for restore_terminal().
struct OpenQuestion {
    int fd = -1;
    termios before{};
} open_question;

int open_terminal() {
    int fd = ::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || ::tcgetpgrp(fd) == ::getpgrp()) return fd;
    ::close(fd);
    return -1;
}

/// Typed characters are not shown as long as this lives.
class WithoutEcho {
  public:
    explicit WithoutEcho(int fd) {
        if (::tcgetattr(fd, &open_question.before) != 0) return;
        open_question.fd = fd;
        termios silent = open_question.before;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
        ::tcsetattr(fd, TCSAFLUSH, &silent);
    }
    ~WithoutEcho() { restore_terminal(); }
    WithoutEcho(const WithoutEcho&) = delete;
    WithoutEcho& operator=(const WithoutEcho&) = delete;
};

/// Nothing else is drawn as long as this lives.
class StatusPause {
  public:
    explicit StatusPause(Console& console) : console_(console) { console_.pause_status(true); }
    ~StatusPause() { console_.pause_status(false); }
    StatusPause(const StatusPause&) = delete;
    StatusPause& operator=(const StatusPause&) = delete;

  private:
    Console& console_;
};

void show(int fd, const std::string& text) { [[maybe_unused]] ssize_t count = ::write(fd, text.data(), text.size()); }

/// What has been typed up to the end of the line; nullopt at the end of file.
std::optional<std::string> take_line(int fd) {
    std::string line(longest_answer, '\0');
    ssize_t count = ::read(fd, line.data(), line.size());
    if (count <= 0) return std::nullopt;
    line.resize(static_cast<size_t>(count));
    if (line.ends_with('\n')) line.pop_back();
    return line;
}

}  // namespace

bool has_terminal() {
    int fd = open_terminal();
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

void restore_terminal() {
    int fd = std::exchange(open_question.fd, -1);
    if (fd >= 0) ::tcsetattr(fd, TCSADRAIN, &open_question.before);
}

RawTerminal::RawTerminal(int fd) {
    if (::tcgetattr(fd, &open_question.before) != 0) return;
    open_question.fd = fd;
    termios raw = open_question.before;
    ::cfmakeraw(&raw);
    ::tcsetattr(fd, TCSADRAIN, &raw);
}

Task<std::optional<std::string>> Terminal::ask(std::string text, bool echo) {
    auto turn = turn_.acquire();
    auto permit = co_await std::move(turn);
    int fd = open_terminal();
    if (fd < 0) co_return std::nullopt;
    was_used_ = true;
    auto executor = co_await asio::this_coro::executor;
    asio::posix::stream_descriptor terminal(executor, fd);
    StatusPause pause(console_);
    std::optional<WithoutEcho> silence;
    if (!echo) silence.emplace(fd);
    show(fd, text);
    auto typed = terminal.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    co_await std::move(typed);
    std::optional<std::string> line = take_line(fd);
    if (!echo) show(fd, "\n");
    co_return line;
}

namespace {

Task<void> keep_answer(Terminal& terminal, std::string text, std::optional<std::string>& answer) {
    auto asking = terminal.ask(std::move(text), true);
    answer = co_await std::move(asking);
}

}  // namespace

std::optional<std::string> ask_now(Console& console, const std::string& text) {
    asio::io_context io;
    Terminal terminal(io.get_executor(), console);
    std::optional<std::string> answer;
    std::exception_ptr failure;
    asio::co_spawn(io, keep_answer(terminal, text, answer), [&](std::exception_ptr thrown) { failure = thrown; });
    io.run();
    if (failure) std::rethrow_exception(failure);
    return answer;
}

}  // namespace syncline::cli
