// ControlClient: a command's side of the control socket. It blocks, and belongs to one thread; nothing else of the
// command runs meanwhile.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "status/control_request.hpp"

namespace syncline::status {

class ControlClient {
  public:
    /// nullopt when nobody listens at `path`. Throws Error{failed} when it cannot be asked.
    static std::optional<ControlClient> connect(const std::string& path);

    ControlClient(ControlClient&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
    ControlClient& operator=(ControlClient&&) = delete;
    ~ControlClient();

    /// Throws Error{lost} when the engine is gone.
    void send(const ControlRequest& request);

    enum class Got : uint8_t { line, nothing, end };
    /// The next line of an answer. `nothing` when none came within `patience`, or a signal came. `end`: the engine
    /// ended or closed the connection.
    Got receive(std::string& line, Duration patience);

  private:
    explicit ControlClient(int fd) : fd_(fd) {}

    int fd_;
    std::string buffer_;
};

}  // namespace syncline::status
