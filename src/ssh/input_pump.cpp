#include "ssh/input_pump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>

#include "base/error.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t piece_bytes = 64 * 1024;

/// Whether `fd` is ready; false when it is time to stop.
bool wait_for(int fd, short events, int wake, const std::stop_token& stop) {
    std::array<pollfd, 2> waits{pollfd{fd, events, 0}, pollfd{wake, POLLIN, 0}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
    return !stop.stop_requested();
}

}  // namespace

InputPump::InputPump(const asio::any_io_executor& executor, int fd)
    : fd_(fd), wake_(::eventfd(0, EFD_CLOEXEC)), pipe_(executor), buffer_(piece_bytes) {
    std::array<int, 2> ends{-1, -1};
    if (wake_ < 0 || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw Error(Errc::failed, "cannot pass standard input on: " + errno_text(errno));
    }
    pipe_.assign(ends[0]);
    thread_ = std::jthread([this, to = ends[1]](std::stop_token stop) { serve(to, std::move(stop)); });
}

InputPump::~InputPump() {
    thread_.request_stop();
    ::eventfd_write(wake_, 1);
    thread_.join();
    ::close(wake_);
}

void InputPump::serve(int to, std::stop_token stop) const {
    std::vector<char> piece(piece_bytes);
    while (wait_for(fd_, POLLIN, wake_, stop)) {
        ssize_t count = ::read(fd_, piece.data(), piece.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) break;
        std::string_view rest(piece.data(), static_cast<size_t>(count));
        // A pipe that is ready takes PIPE_BUF bytes at once, and more would block.
        while (!rest.empty() && wait_for(to, POLLOUT, wake_, stop)) {
            ssize_t written = ::write(to, rest.data(), std::min<size_t>(rest.size(), 4096));
            if (written < 0) break;
            rest.remove_prefix(static_cast<size_t>(written));
        }
        if (!rest.empty()) break;
    }
    ::close(to);
}

Task<std::string_view> InputPump::next() {
    std::error_code error;
    auto reading = pipe_.async_read_some(asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, error));
    size_t count = co_await std::move(reading);
    if (error && error != asio::error::eof) throw asio::system_error(error);
    co_return std::string_view(buffer_.data(), count);
}

}  // namespace syncline::ssh
