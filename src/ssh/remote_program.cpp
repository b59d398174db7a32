#include "ssh/remote_program.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "ssh/error.hpp"
#include "ssh/exec.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;

/// Writes all, waiting as long as the reader takes; the errno of what failed, 0 when nothing did.
int write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count >= 0) {
            bytes.remove_prefix(static_cast<size_t>(count));
        } else if (errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            ::poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

RemoteProgram::RemoteProgram(Session& session, const asio::any_io_executor& executor, WorkerPool& writers,
                             LocalStreams streams)
    : session_(session),
      executor_(executor),
      writers_(writers),
      streams_(streams),
      marker_(random_marker()),
      noise_(marker_),
      error_noise_(marker_),
      steered_(executor) {}

Task<ExitStatus> RemoteProgram::run(std::string script, std::optional<RemoteTerminal> terminal) {
    has_terminal_ = terminal.has_value();
    co_await start(std::move(script), std::move(terminal));
    auto body = [this](Nursery& nursery) { return converse(nursery); };
    co_await with_nursery(body);
    co_return exit_;
}

Task<void> RemoteProgram::start(std::string script, std::optional<RemoteTerminal> terminal) {
    channel_ = co_await session_.open_channel();
    std::string command;
    if (terminal) {
        // A PTY would echo a script on stdin; noise before the command does no harm on a terminal.
        co_await channel_->request_terminal(terminal->type, terminal_size());
        command = login_shell_command(script);
    } else {
        greeting_ = marker_commands(marker_) + script;
        command = command_reading_script(greeting_.size());
    }
    co_await channel_->exec(command);
}

Task<void> RemoteProgram::converse(Nursery& nursery) {
    nursery.spawn(feed());
    nursery.spawn(steer());
    co_await read_all();
    if (reader_is_gone_) {
        exit_.signal = "PIPE";
    } else {
        exit_ = co_await channel_->wait_exit();
        bool has_begun = has_terminal_ || noise_.found();
        if (!has_begun)
            throw SshError(Failure::no_shell, session_.shown() +
                                                  ": the account does not run commands; that needs one with "
                                                  "a shell, while push and pull need SFTP alone");
    }
    nursery.cancel();
}

Task<void> RemoteProgram::feed() {
    auto greeting = channel_->write(greeting_);
    bool is_wanted = co_await std::move(greeting);
    InputPump input(executor_, streams_.input);
    while (is_wanted) {
        std::string_view piece = co_await input.next();
        if (piece.empty()) break;
        auto writing = channel_->write(piece);
        is_wanted = co_await std::move(writing);
    }
    co_await channel_->send_eof();
}

void RemoteProgram::send_signal(std::string name) {
    signals_.push_back(std::move(name));
    steered_.notify();
}

void RemoteProgram::resize() {
    is_resized_ = true;
    steered_.notify();
}

Task<void> RemoteProgram::steer() {
    while (true) {
        co_await steered_.wait();
        while (!signals_.empty()) {
            std::string name = std::move(signals_.front());
            signals_.pop_front();
            co_await channel_->send_signal(name);
        }
        if (!has_terminal_ || !std::exchange(is_resized_, false)) continue;
        co_await channel_->resize(terminal_size());
    }
}

Task<void> RemoteProgram::read_all() {
    std::vector<char> buffer(buffer_bytes);
    auto deadline = session_.step_deadline();
    while (!reader_is_gone_) {
        // Until the script has begun, the server owes us its marker; then the command may be silent for as long as it
        // likes.
        std::optional<Duration> limit;
        if (!has_terminal_ && !noise_.found()) limit = time_until(deadline);
        auto reading = channel_->read(buffer, limit);
        auto chunk = co_await std::move(reading);
        if (chunk.size == 0) co_return;
        std::string_view bytes(buffer.data(), chunk.size);
        if (!has_terminal_) bytes = (chunk.from_stderr ? error_noise_ : noise_).pass(bytes);
        auto writing = write(chunk.from_stderr ? streams_.errors : streams_.output, bytes);
        reader_is_gone_ = !co_await std::move(writing);
    }
}

/// False when nobody reads that stream any more.
Task<bool> RemoteProgram::write(int fd, std::string_view bytes) {
    if (bytes.empty()) co_return true;
    auto work = [&](const std::stop_token&) { return write_all(fd, bytes); };
    int error = co_await offload(writers_, work);
    bool is_lost = error != 0 && error != EPIPE;
    if (is_lost) throw Error(Errc::failed, "cannot write the command's output: " + errno_text(error));
    co_return error == 0;
}

TerminalSize RemoteProgram::terminal_size() const {
    winsize size{};
    bool is_known = ::ioctl(streams_.output, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
    return is_known ? TerminalSize(size.ws_col, size.ws_row) : TerminalSize(80, 24);
}

}  // namespace syncline::ssh
