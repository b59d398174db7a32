// Transport: the socket under a session, with a buffer for each direction. Engine's thread only; the session owns it.
//
// libssh2 reads from and writes into the buffers and never has to stop in the middle of a packet. What the socket does
// not take at once goes out as soon as it can, whoever waits. Everybody who waits is woken by whatever happens; they
// look again.
#pragma once

#include <sys/types.h>

#include <algorithm>

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline::ssh {

using SteadyTime = std::chrono::steady_clock::time_point;

inline SteadyTime steady_now() { return std::chrono::steady_clock::now(); }
/// What is left until `deadline`, not below zero.
inline Duration time_until(SteadyTime deadline) {
    return std::max(Duration::zero(), std::chrono::duration_cast<Duration>(deadline - steady_now()));
}

class Transport : public std::enable_shared_from_this<Transport> {
  public:
    /// Takes the connected socket over.
    Transport(const asio::any_io_executor& executor, int socket);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// As recv(2), but -errno for errors.
    ssize_t receive(char* buffer, size_t size);
    /// As send(2), but -errno for errors, and takes all of it.
    ssize_t send(const char* bytes, size_t size);

    /// Hands to the socket what it takes now.
    void flush();
    /// The same before the loop goes to sleep, together with what others send until then.
    void flush_soon();

    /// False while so much waits to be sent that data should be held back.
    bool has_room() const;

    /// Waits until the socket has something to read, room was made, somebody calls wake_all(), or `until`.
    Task<void> wait(SteadyTime until);
    void wake_all();

    /// Ends both directions; everything fails from then on.
    void close();
    bool is_closed() const { return closed_; }

    int socket() const { return socket_; }
    uint64_t received_bytes() const { return received_; }

    /// When the peer last did as much as a living one does: sent more than a trickle, or took a good part of what we
    /// send.
    SteadyTime alive_at() const { return alive_at_; }
    /// Begins to count anew: nothing was expected until now.
    void mark_alive();

  private:
    struct Waiter;

    void arm_read();
    void arm_write();
    void note_progress();

    asio::posix::stream_descriptor descriptor_;
    int socket_;
    bool closed_ = false;
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool flush_posted_ = false;
    int send_error_ = 0;

    std::vector<char> incoming_;
    size_t incoming_begin_ = 0;
    size_t incoming_end_ = 0;
    std::string outgoing_;
    size_t outgoing_begin_ = 0;

    uint64_t received_ = 0;
    uint64_t sent_ = 0;
    uint64_t received_mark_ = 0;
    uint64_t sent_mark_ = 0;
    SteadyTime alive_at_;
    std::vector<Waiter*> waiters_;
};

}  // namespace syncline::ssh
