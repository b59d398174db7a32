// RemoteProgram: a command of the user's on a server, with this process's standard streams as its own. Engine's thread
// only; dies before the session.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "async/offload.hpp"
#include "ssh/channel.hpp"
#include "ssh/input_pump.hpp"
#include "ssh/marker.hpp"

namespace syncline::ssh {

/// Which descriptors are its streams here. They are not closed, and keep their flags.
struct LocalStreams {
    int input = 0, output = 1, errors = 2;
};

/// A PTY for the command, as large as the local terminal, and following that one's size.
struct RemoteTerminal {
    explicit RemoteTerminal(std::string terminal_type) : type(std::move(terminal_type)) {}
    std::string type;  ///< TERM
};

class RemoteProgram {
  public:
    /// `writers` writes to the local streams, which may block; it outlives the program.
    RemoteProgram(Session& session, const asio::any_io_executor& executor, WorkerPool& writers, LocalStreams streams);

    /// Runs `script`, which ends by an exec, in a POSIX sh. With a terminal it has at most longest_command_script
    /// bytes. When nobody reads the local output any more, that counts as the command's end by PIPE. Throws SshError.
    Task<ExitStatus> run(std::string script, std::optional<RemoteTerminal> terminal);

    /// Passes a signal on, "INT"; may be called at any time while it runs.
    void send_signal(std::string name);
    /// The local terminal has another size now.
    void resize();

  private:
    Task<void> start(std::string script, std::optional<RemoteTerminal> terminal);
    Task<void> converse(Nursery& nursery);
    Task<void> feed();
    Task<void> steer();
    Task<void> read_all();
    Task<bool> write(int fd, std::string_view bytes);
    TerminalSize terminal_size() const;

    Session& session_;
    asio::any_io_executor executor_;
    WorkerPool& writers_;
    LocalStreams streams_;
    std::string marker_, greeting_;  ///< greeting_: what goes to stdin before the user's own bytes
    MarkerFilter noise_, error_noise_;
    std::unique_ptr<Channel> channel_;
    bool has_terminal_ = false;
    bool reader_is_gone_ = false;
    Event steered_;
    std::deque<std::string> signals_;
    bool is_resized_ = false;
    ExitStatus exit_;
};

}  // namespace syncline::ssh
