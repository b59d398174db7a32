#include "status/control_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "status/control_socket.hpp"

namespace syncline::status {

std::optional<ControlClient> ControlClient::connect(const std::string& path) {
    std::optional<int> fd = connect_to(path);
    if (!fd) return std::nullopt;
    return ControlClient(*fd);
}

ControlClient::~ControlClient() {
    if (fd_ >= 0) ::close(fd_);
}

void ControlClient::send(const ControlRequest& request) {
    std::string line = request_line(request);
    for (size_t sent = 0; sent < line.size();) {
        ssize_t count = ::send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        // Why it was turned away stands in what receive() reads.
        if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
        if (count < 0) throw Error(Errc::lost, "the engine went away: " + errno_text(errno));
        sent += static_cast<size_t>(count);
    }
}

ControlClient::Got ControlClient::receive(std::string& line, Duration patience) {
    while (true) {
        size_t end = buffer_.find('\n');
        if (end != std::string::npos) {
            line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return Got::line;
        }
        pollfd entry{fd_, POLLIN, 0};
        int ready = ::poll(&entry, 1, static_cast<int>(patience.count()));
        if (ready <= 0) return Got::nothing;
        char bytes[64 << 10];
        ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) return Got::nothing;
        if (count <= 0) return Got::end;
        buffer_.append(bytes, static_cast<size_t>(count));
    }
}

}  // namespace syncline::status
