#include "status/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace syncline::status {
namespace {

using namespace std::chrono_literals;

/// A request has no body to speak of, and eight headers.
constexpr size_t longest_http_request = 32 * 1024;
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
    while (received_ < 2 * longest_http_request && wait(POLLIN, deadline)) {
        ssize_t count = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
        if (count <= 0) return;
        received_ += static_cast<size_t>(count);
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

/// The whole request has one deadline, so that no client holds a place by sending a byte now and then.
bool Connection::fill() {
    while (received_ < longest_http_request && wait(POLLIN, opened_at_ + time_for_request)) {
        ssize_t count = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count <= 0) return false;
        begin_ = 0;
        end_ = static_cast<size_t>(count);
        received_ += end_;
        return true;
    }
    return false;
}

ssize_t Connection::read(char* data, size_t size) {
    if (begin_ == end_ && !fill()) return -1;
    size_t count = std::min(size, end_ - begin_);
    std::memcpy(data, buffer_.data() + begin_, count);
    begin_ += count;
    return static_cast<ssize_t>(count);
}

ssize_t Connection::write(const char* data, size_t size) {
    Time begun = is_stream_ ? std::chrono::steady_clock::now() : opened_at_ + time_for_request;
    size_t sent = 0;
    while (sent < size) {
        ssize_t count = ::send(fd_, data + sent, size - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<size_t>(count);
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno != EAGAIN) return -1;
        if (!wait(POLLOUT, begun + time_for_write)) return -1;
    }
    return static_cast<ssize_t>(sent);
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const { get_remote_ip_and_port(ip, port); }

}  // namespace syncline::status
