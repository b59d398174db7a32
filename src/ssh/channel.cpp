#include "ssh/channel.hpp"

#include <libssh2.h>

namespace syncline::ssh {
namespace {

constexpr auto no_deadline = SteadyTime::max();

}  // namespace

Channel::Channel(Session& session, _LIBSSH2_CHANNEL* handle) : session_(session), handle_(handle) {}

Channel::~Channel() { session_.retire(handle_, runs_program_); }

Task<long> Channel::call(std::function<long()> function, const char* step, Session::Waiting waiting) {
    Session::Patience patience(step, waiting, session_.step_deadline());
    auto driven = session_.drive(std::move(function), std::move(patience));
    co_return co_await std::move(driven);
}

Task<void> Channel::request_terminal(std::string type, TerminalSize size) {
    auto request = [&]() -> long {
        return ::libssh2_channel_request_pty_ex(handle_, type.data(), static_cast<unsigned>(type.size()), nullptr, 0,
                                                size.columns, size.rows, 0, 0);
    };
    auto result = co_await call(request, "asking for a terminal", Session::Waiting::exclusive);
    if (result != 0) throw session_.failure(Failure::refused, "asking for a terminal");
}

Task<long> Channel::start_process(std::string request, std::string message, const char* step) {
    auto start = [&]() -> long {
        return ::libssh2_channel_process_startup(handle_, request.data(), static_cast<unsigned>(request.size()),
                                                 message.data(), static_cast<unsigned>(message.size()));
    };
    runs_program_ = true;
    co_return co_await call(start, step, Session::Waiting::exclusive);
}

Task<void> Channel::exec(std::string command) {
    auto starting = start_process("exec", std::move(command), "starting a command");
    if (co_await std::move(starting) != 0) throw session_.failure(Failure::no_shell, "starting a command");
}

Task<void> Channel::start_subsystem(std::string name) {
    auto starting = start_process("subsystem", std::move(name), "starting sftp");
    if (co_await std::move(starting) != 0) throw session_.failure(Failure::no_sftp, "starting sftp");
}

/// What libssh2 has of both streams; EAGAIN when neither has anything, 0 when both have ended.
long Channel::read_either(std::span<char> buffer, Chunk& chunk) {
    for (int stream : {0, SSH_EXTENDED_DATA_STDERR}) {
        auto count = ::libssh2_channel_read_ex(handle_, stream, buffer.data(), buffer.size());
        if (count < 0 && count != LIBSSH2_ERROR_EAGAIN) return count;
        if (count > 0) {
            chunk.size = static_cast<size_t>(count);
            chunk.from_stderr = stream != 0;
            return count;
        }
    }
    return ::libssh2_channel_eof(handle_) ? 0 : LIBSSH2_ERROR_EAGAIN;
}

Task<Channel::Chunk> Channel::read(std::span<char> buffer, std::optional<Duration> idle_limit) {
    Chunk chunk;
    auto read_now = [&]() -> long { return read_either(buffer, chunk); };
    auto deadline = idle_limit ? std::chrono::steady_clock::now() + *idle_limit : no_deadline;
    Session::Patience patience("reading from the server", Session::Waiting::shared, deadline);
    auto reading = session_.drive(read_now, std::move(patience));
    if (co_await std::move(reading) < 0) throw session_.failure(Failure::protocol, "reading from the server");
    co_return chunk;
}

/// True once the peer has closed the channel, or closes it now.
bool Channel::is_closed_by_peer() {
    return ::libssh2_channel_eof(handle_) && ::libssh2_channel_wait_closed(handle_) == 0;
}

/// Sends what the window and the buffers take; EAGAIN when that is nothing.
long Channel::write_some(std::string_view& rest) {
    bool moved = false;
    while (!rest.empty() && session_.transport().has_room()) {
        auto count = ::libssh2_channel_write_ex(handle_, 0, rest.data(), rest.size());
        if (count == 0 || count == LIBSSH2_ERROR_EAGAIN) break;
        if (count < 0) return count;
        rest.remove_prefix(static_cast<size_t>(count));
        moved = true;
    }
    if (moved) return 0;
    return is_closed_by_peer() ? static_cast<long>(LIBSSH2_ERROR_CHANNEL_CLOSED)
                               : static_cast<long>(LIBSSH2_ERROR_EAGAIN);
}

Task<bool> Channel::write(std::string_view bytes) {
    auto write_now = [&]() -> long { return write_some(bytes); };
    while (!bytes.empty()) {
        // A command may leave its input alone for as long as it likes; that the server lives, keepalives find out.
        Session::Patience patience("writing to the server", Session::Waiting::shared, no_deadline);
        auto writing = session_.drive(write_now, std::move(patience));
        auto result = co_await std::move(writing);
        if (result == LIBSSH2_ERROR_CHANNEL_CLOSED) co_return false;
        if (result < 0) throw session_.failure(Failure::protocol, "writing to the server");
    }
    co_return true;
}

Task<void> Channel::send_eof() {
    auto send = [this]() -> long { return ::libssh2_channel_send_eof(handle_); };
    co_await call(send, "ending the input", Session::Waiting::shared);
}

Task<void> Channel::resize(TerminalSize size) {
    auto send = [&]() -> long { return ::libssh2_channel_request_pty_size_ex(handle_, size.columns, size.rows, 0, 0); };
    co_await call(send, "changing the terminal's size", Session::Waiting::shared);
}

Task<void> Channel::send_signal(std::string name) {
    auto send = [&]() -> long { return ::libssh2_channel_signal_ex(handle_, name.data(), name.size()); };
    co_await call(send, "sending a signal", Session::Waiting::shared);
}

Task<ExitStatus> Channel::wait_exit() {
    auto wait_closed = [this]() -> long { return ::libssh2_channel_wait_closed(handle_); };
    Session::Patience patience("waiting for the command's end", Session::Waiting::shared, no_deadline);
    auto waiting = session_.drive(wait_closed, std::move(patience));
    if (co_await std::move(waiting) < 0) throw session_.failure(Failure::protocol, "waiting for the command's end");
    ExitStatus exit;
    char* signal = nullptr;
    size_t size = 0;
    ::libssh2_channel_get_exit_signal(handle_, &signal, &size, nullptr, nullptr, nullptr, nullptr);
    if (signal) {
        exit.signal.assign(signal, size);
        ::libssh2_free(session_.handle(), signal);
    } else {
        int status = ::libssh2_channel_get_exit_status(handle_);
        if (status >= 0) exit.status = status;  // -1 with libssh2-no-exit-status.diff, else 0, when none was sent
    }
    co_return exit;
}

}  // namespace syncline::ssh
