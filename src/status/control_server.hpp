// ControlServer: listens at the control socket, reads requests and hands them on, one after the other for a connection.
//
// Engine's thread. What a client does wrong, slow or broken, ends its own connection at most.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/local/stream_protocol.hpp>
#include <functional>
#include <string>

#include "async/task.hpp"
#include "status/control_request.hpp"

namespace syncline::status {

/// One client, as the one who answers it sees it. Lives as long as the answering.
class ControlConnection {
  public:
    explicit ControlConnection(asio::local::stream_protocol::socket socket) : socket_(std::move(socket)) {}

    /// Writes a whole line; `line` ends with a newline. Throws Error{lost} when the client does not take it within
    /// seconds, or is gone.
    Task<void> send(std::string line);
    /// The same for what may be missed: dropped when the client is behind with its reading. At most 4 KiB.
    void offer(const std::string& line);
    /// Returns when the client is gone, or asks to cancel what it asked for.
    Task<void> wait_for_cancel();

    /// The next line, without its newline; nullopt at the end, and for what cannot be one: `why` is set then.
    Task<std::optional<std::string>> read_line(std::string& why);

  private:
    Task<void> read_more();
    std::optional<std::string> take_line();
    bool has_hung_up();

    asio::local::stream_protocol::socket socket_;
    std::string buffer_;
    bool at_end_ = false;
};

/// Answers one request: lines, of which the last has an "exit_status". What it throws ends the connection.
using ControlHandler = std::function<Task<void>(const ControlRequest&, ControlConnection&)>;

/// {"event":"error","exit_status":N,"message":...} and its newline.
std::string error_line(int exit_status, const std::string& message);

/// Serves at `path` until it is cancelled; the socket file is gone then. `handler` outlives it. Throws Error{failed}
/// when there can be no socket.
Task<void> serve_control(std::string path, const ControlHandler& handler, std::function<void()> is_up);

}  // namespace syncline::status
