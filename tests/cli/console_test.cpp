#include "cli/console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <csignal>

using namespace syncline::cli;

namespace {

/// A terminal of which both ends are here.
class Terminal {
  public:
    explicit Terminal(unsigned short columns) {
        ::setenv("TERM", "xterm", 1);
        ::unsetenv("NO_COLOR");
        REQUIRE(::openpty(&master_, &inner_, nullptr, nullptr, nullptr) == 0);
        resize(columns);
    }
    ~Terminal() {
        ::close(master_);
        ::close(inner_);
    }
    int fd() const { return inner_; }

    void resize(unsigned short columns) {
        winsize size{24, columns, 0, 0};
        REQUIRE(::ioctl(inner_, TIOCSWINSZ, &size) == 0);
    }
    /// All that was written since the last call. The kernel hands it over in its own time: a mark of ours, behind it,
    /// tells that it is all here.
    std::string shown() {
        constexpr char mark = '\x01';
        REQUIRE(::write(inner_, &mark, 1) == 1);
        std::string text;
        while (!text.ends_with(mark)) {
            pollfd ready{master_, POLLIN, 0};
            REQUIRE(::poll(&ready, 1, 30'000) == 1);
            std::array<char, 4096> buffer;
            ssize_t count = ::read(master_, buffer.data(), buffer.size());
            REQUIRE(count > 0);
            text.append(buffer.data(), static_cast<size_t>(count));
        }
        text.pop_back();
        return text;
    }

  private:
    int master_ = -1, inner_ = -1;
};

/// What is drawn, without the return to column one and the wiping behind it.
std::string drawn(std::string text) {
    CHECK(text.starts_with("\r"));
    CHECK(text.ends_with("\x1b[K"));
    return text.substr(1, text.size() - 4);
}

}  // namespace

TEST_CASE("text is cut to columns, never inside a character") {
    CHECK(cut_to_width("short", 20) == "short");
    CHECK(cut_to_width("exactly ten", 11) == "exactly ten");
    CHECK(cut_to_width("exactly ten", 10) == "exactly t…");
    CHECK(cut_to_width("größe über", 6) == "größe…");
    CHECK(cut_to_width("日本語", 5) == "日本…");
    CHECK(cut_to_width("日本語", 4) == "日…");
    CHECK(cut_to_width("abc", 1) == "…");
    CHECK(cut_to_width("abc", 0).empty());
    CHECK(display_width("a日ö") == 4);
}

TEST_CASE("the status line stays in one row, whatever the width and when it changes") {
    Terminal terminal(80);
    Console console(terminal.fd(), terminal.fd());
    const std::string line = "thesis: 1,234/5,678 files, 12.3 MiB/45.6 MiB, 20.1 MiB/s, 2 s left";
    for (unsigned short columns : {80, 40, 20, 5, 2, 80}) {
        terminal.resize(columns);
        console.draw_status(line);
        CHECK(display_width(drawn(terminal.shown())) < columns);
    }
}

TEST_CASE("printing wipes the status line first") {
    Terminal terminal(40);
    Console console(terminal.fd(), terminal.fd());
    console.draw_status("busy");
    terminal.shown();
    console.print("done\n");
    CHECK(terminal.shown() == "\r\x1b[Kdone\r\n");
    console.print("more\n");
    CHECK(terminal.shown() == "more\r\n");
}

TEST_CASE("colours and progress only where they belong") {
    Terminal terminal(40);
    CHECK(Console(terminal.fd(), terminal.fd()).colours_output());
    ::setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(Console(terminal.fd(), terminal.fd()).colours_output());
    CHECK(Console(terminal.fd(), terminal.fd()).has_status_line());
    ::setenv("TERM", "dumb", 1);
    CHECK_FALSE(Console(terminal.fd(), terminal.fd()).has_status_line());
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "xterm", 1);

    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    Console plain(ends[1], ends[1]);
    plain.draw_status("busy");
    plain.print("line\n");
    char buffer[16];
    CHECK(std::string(buffer, static_cast<size_t>(::read(ends[0], buffer, sizeof buffer))) == "line\n");
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_CASE("an output that cannot be written is noticed") {
    int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);
    Console console(full, full);
    console.print("x\n");
    CHECK(console.output_error() == "No space left on device");
    ::close(full);

    std::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    Console closed(ends[1], ends[1]);
    closed.print("x\n");
    closed.print("x\n");
    CHECK(closed.output_error() == "closed");
    ::close(ends[1]);
}
