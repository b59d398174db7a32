// Channel: one remote command or subsystem on a session. Engine's thread only; dies before its session. One coroutine
// may read while another writes, and a third may send signals; of each there is only one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "async/task.hpp"
#include "ssh/session.hpp"

struct _LIBSSH2_CHANNEL;

namespace syncline::ssh {

struct TerminalSize {
    TerminalSize(int column_count, int row_count) : columns(column_count), rows(row_count) {}
    int columns;
    int rows;
};

/// How a remote command ended. Neither is set when the server did not tell.
struct ExitStatus {
    bool is_confirmed() const { return status.has_value() || !signal.empty(); }

    std::optional<int> status;  ///< its exit status
    std::string signal;         ///< or the signal that ended it, without SIG: "TERM"
};

class Channel {
  public:
    Channel(Session& session, _LIBSSH2_CHANNEL* handle);
    /// Closes it without waiting.
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Before exec: a PTY of that size. Throws SshError (refused).
    Task<void> request_terminal(std::string type, TerminalSize size);
    Task<void> exec(std::string command);
    /// Throws SshError (no_sftp) when the server has no such subsystem.
    Task<void> start_subsystem(std::string name);

    struct Chunk {
        size_t size = 0;  ///< 0: both streams have ended
        bool from_stderr = false;
    };

    /// Reads what there is, at least one byte. `idle_limit`: how long the command may say nothing; nullopt: as long as
    /// the connection lives, which keepalives find out.
    Task<Chunk> read(std::span<char> buffer, std::optional<Duration> idle_limit);

    /// Writes all of `bytes`, which must live on. Returns false, at once, when the command does not read any more.
    Task<bool> write(std::string_view bytes);

    Task<void> send_eof();
    Task<void> resize(TerminalSize size);
    /// `name` without SIG, as RFC 4254 section 6.10 has it: "INT", "TERM". Servers may ignore it.
    Task<void> send_signal(std::string name);

    /// After read() said that both streams have ended: waits for the exit status.
    Task<ExitStatus> wait_exit();

  private:
    Task<long> call(std::function<long()> function, const char* step, Session::Waiting waiting);
    Task<long> start_process(std::string request, std::string message, const char* step);
    long read_either(std::span<char> buffer, Chunk& chunk);
    long write_some(std::string_view& rest);
    bool is_closed_by_peer();

    Session& session_;
    _LIBSSH2_CHANNEL* handle_;
    bool runs_program_ = false;
};

}  // namespace syncline::ssh
