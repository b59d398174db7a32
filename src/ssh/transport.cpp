#include "ssh/transport.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "async/cancel.hpp"
#include "base/assert.hpp"
#include "base/error.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t receive_bytes = 256 * 1024;
// As much as that is sent at once.
constexpr size_t together_bytes = 128 * 1024;
constexpr size_t room_bytes = 512 * 1024;
// Replies that a peer makes us send while it reads none of them.
constexpr size_t outgoing_limit_bytes = 8 * 1024 * 1024;
// Two answers to keepalives are more than the first; a peer that sends a byte now and then is none that lives.
constexpr uint64_t trickle_bytes = 64;
constexpr uint64_t taken_bytes = 16 * 1024;

}  // namespace

/// Lives in the frame that waits.
struct Transport::Waiter {
    Waiter(Transport& transport, SteadyTime until)
        : owner(transport), timer(transport.descriptor_.get_executor(), until) {
        owner.waiters_.push_back(this);
    }
    ~Waiter() { std::erase(owner.waiters_, this); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    Transport& owner;
    asio::steady_timer timer;
    bool woken = false;
};

Transport::Transport(const asio::any_io_executor& executor, int socket)
    : descriptor_(executor, socket),
      socket_(socket),
      incoming_(receive_bytes),
      alive_at_(std::chrono::steady_clock::now()) {
    descriptor_.native_non_blocking(true);
}

Transport::~Transport() { SYNCLINE_ASSERT(waiters_.empty()); }

ssize_t Transport::receive(char* buffer, size_t size) {
    if (closed_) return -ECONNRESET;
    if (incoming_begin_ == incoming_end_) {
        auto count = ::recv(socket_, incoming_.data(), incoming_.size(), 0);
        if (count < 0) return -errno;
        if (count == 0) return 0;
        incoming_begin_ = 0;
        incoming_end_ = static_cast<size_t>(count);
        received_ += static_cast<uint64_t>(count);
        note_progress();
    }
    size = std::min(size, incoming_end_ - incoming_begin_);
    std::memcpy(buffer, incoming_.data() + incoming_begin_, size);
    incoming_begin_ += size;
    return static_cast<ssize_t>(size);
}

ssize_t Transport::send(const char* bytes, size_t size) {
    if (closed_) return -ECONNRESET;
    if (send_error_) return -send_error_;
    if (outgoing_.size() - outgoing_begin_ > outgoing_limit_bytes) return -ENOBUFS;
    outgoing_.append(bytes, size);
    return static_cast<ssize_t>(size);
}

void Transport::flush() {
    while (!closed_ && !send_error_ && outgoing_begin_ < outgoing_.size()) {
        auto count =
            ::send(socket_, outgoing_.data() + outgoing_begin_, outgoing_.size() - outgoing_begin_, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            arm_write();
            break;
        }
        if (count < 0) {
            // What the peer sent before it went may still be read; the next send fails.
            send_error_ = errno;
            break;
        }
        outgoing_begin_ += static_cast<size_t>(count);
        sent_ += static_cast<uint64_t>(count);
        note_progress();
    }
    if (outgoing_begin_ == outgoing_.size()) {
        outgoing_.clear();
        outgoing_begin_ = 0;
    } else if (outgoing_begin_ > room_bytes) {
        outgoing_.erase(0, outgoing_begin_);
        outgoing_begin_ = 0;
    }
}

void Transport::flush_soon() {
    if (outgoing_.size() - outgoing_begin_ >= together_bytes) return flush();
    if (flush_posted_ || outgoing_.empty()) return;
    flush_posted_ = true;
    asio::post(descriptor_.get_executor(), [weak = weak_from_this()] {
        auto self = weak.lock();
        if (!self) return;
        self->flush_posted_ = false;
        self->flush();
    });
}

bool Transport::has_room() const { return outgoing_.size() - outgoing_begin_ < room_bytes; }

void Transport::note_progress() {
    if (received_ - received_mark_ < trickle_bytes && sent_ - sent_mark_ < taken_bytes) return;
    mark_alive();
}

void Transport::mark_alive() {
    received_mark_ = received_;
    sent_mark_ = sent_;
    alive_at_ = std::chrono::steady_clock::now();
}

// The handlers hold on to nothing: they may run after the transport is gone.
void Transport::arm_read() {
    if (read_armed_ || closed_) return;
    read_armed_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [weak = weak_from_this()](const asio::error_code&) {
                               auto self = weak.lock();
                               if (!self) return;
                               self->read_armed_ = false;
                               self->wake_all();
                           });
}

void Transport::arm_write() {
    if (write_armed_ || closed_) return;
    write_armed_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                           [weak = weak_from_this()](const asio::error_code&) {
                               auto self = weak.lock();
                               if (!self) return;
                               self->write_armed_ = false;
                               self->flush();
                               self->wake_all();
                           });
}

Task<void> Transport::wait(SteadyTime until) {
    Waiter waiter(*this, until);
    arm_read();
    asio::error_code error;
    auto expiry = waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_await std::move(expiry);
    auto state = co_await asio::this_coro::cancellation_state;
    if (is_cancelled(state)) throw Cancelled();
}

void Transport::wake_all() {
    for (auto* waiter : waiters_) {
        if (waiter->woken) continue;
        waiter->woken = true;
        waiter->timer.cancel();
    }
}

void Transport::close() {
    if (closed_) return;
    flush();
    closed_ = true;
    asio::error_code ignored;
    descriptor_.close(ignored);
    wake_all();
}

}  // namespace syncline::ssh
