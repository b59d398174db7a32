#include "status/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace syncline::status {
namespace {

using namespace std::chrono_literals;

/// A request has no body to speak of, and eight headers.
constexpr size_t longest_head = 32 * 1024;
constexpr auto time_for_request = 5s;
constexpr auto time_for_write = 10s;
constexpr auto time_for_goodbye = 500ms;

}  // namespace

Connection::Connection(int fd) : fd_(fd) {}

Connection::~Connection() { ::close(fd_); }

void Connection::close_down() {
    is_closed_ = true;
    ::shutdown(fd_, SHUT_RDWR);
}

/// Closing while something unread is there would take back what the client has not read yet.
void Connection::finish() {
    ::shutdown(fd_, SHUT_WR);
    Time deadline = std::chrono::steady_clock::now() + time_for_goodbye;
    while (received_ < 2 * longest_head && receive(deadline) > 0) {
    }
}

bool Connection::has_hung_up() const {
    pollfd poll{fd_, POLLRDHUP, 0};
    return is_closed_ || (::poll(&poll, 1, 0) > 0 && poll.revents != 0);
}

/// False when the deadline has passed.
bool Connection::wait(short events, Time deadline) const {
    while (!is_closed_) {
        auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left <= 0ms) return false;
        pollfd poll{fd_, events, 0};
        int ready = ::poll(&poll, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
    return false;
}

/// How much came into the buffer; 0 when nothing more will, or not before the deadline.
size_t Connection::receive(Time deadline) {
    while (wait(POLLIN, deadline)) {
        ssize_t count = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count <= 0) return 0;
        received_ += static_cast<size_t>(count);
        return static_cast<size_t>(count);
    }
    return 0;
}

/// The whole head has one deadline, so that no client holds a place by sending a byte now and then.
std::optional<std::string> Connection::read_head() {
    constexpr std::string_view end = "\r\n\r\n";
    std::string head;
    while (head.size() < longest_head) {
        size_t count = receive(opened_at_ + time_for_request);
        if (count == 0) return std::nullopt;
        size_t from = head.size() - std::min(head.size(), end.size() - 1);
        head.append(buffer_.data(), count);
        size_t found = head.find(end, from);
        if (found == head.npos) continue;
        head.resize(found);
        return head;
    }
    return std::nullopt;
}

bool Connection::write(std::string_view data) {
    Time begun = is_stream_ ? std::chrono::steady_clock::now() : opened_at_ + time_for_request;
    while (!data.empty()) {
        ssize_t count = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (count > 0) {
            data.remove_prefix(static_cast<size_t>(count));
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return false;
        if (!wait(POLLOUT, begun + time_for_write)) return false;
    }
    return true;
}

}  // namespace syncline::status
