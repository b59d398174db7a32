// Session: one connection to one host, signed in, on which channels are opened. Engine's thread only; outlives its
// channels.
//
// libssh2 runs here on buffers: what it sends is kept in memory and written when the socket takes it, so that no call
// of it ever stops half-way through a packet, and a channel may be read and written by two coroutines at a time.
// drive() is the one way into libssh2. A session that failed, or was cancelled in the middle of a call of several
// messages, is closed and never used again: see usable().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/semaphore.hpp"
#include "async/task.hpp"
#include "ssh/dial.hpp"
#include "ssh/error.hpp"
#include "ssh/settings.hpp"
#include "ssh/transport.hpp"

// NOLINTBEGIN(bugprone-reserved-identifier): names of libssh2
struct _LIBSSH2_SESSION;
struct _LIBSSH2_CHANNEL;
// NOLINTEND(bugprone-reserved-identifier)

namespace syncline::ssh {

class Channel;

class Session {
  public:
    /// Connects, checks the host key and signs in. Throws SshError naming the step and the remedy.
    static Task<std::unique_ptr<Session>> connect(SshSettings settings);

    /// Says goodbye without waiting for an answer, and closes.
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// A new channel of type "session". Servers allow a number of them (MaxSessions), among which they count for a
    /// moment what was just closed: that is waited for. Throws SshError (refused) when there is no room beside the
    /// channels that are open.
    Task<std::unique_ptr<Channel>> open_channel();

    /// Whether anything came from the server since then; valid after a failure too.
    bool was_heard_of_since(SteadyTime time) const;
    /// Closes a channel that nobody uses just now, when the server has no room for another; false when there is none.
    void set_make_room(std::function<bool()> make_room) { make_room_ = std::move(make_room); }

    /// False once anything has gone wrong with the connection; then connect anew.
    bool usable() const;

    /// Asks the server for a sign of life; false when none came within `limit`. For connections that lay idle.
    Task<bool> answers(Duration limit);

    const SshSettings& settings() const { return settings_; }

    /// "user@host:port", for messages.
    const std::string& shown() const { return shown_; }

    /// The fingerprint of the server's key: "SHA256:...".
    const std::string& host_key() const { return host_key_; }

    /// The shortest round trip seen so far.
    std::chrono::microseconds round_trip() const { return round_trip_; }

    /// What was negotiated, for logs: "curve25519-sha256, ssh-ed25519, aes256-gcm@openssh.com".
    std::string algorithms() const;

    // For channels and the steps of connecting.

    /// How a call that must wait is treated.
    enum class Waiting : uint8_t {
        exclusive,  ///< a call of several messages: no other call begins before it has ended, and a cancel closes the
                    ///< session
        shared,     ///< a read or write: others go on meanwhile, and a cancel leaves everything as it was
    };

    /// When a wait is given up.
    struct Patience {
        Patience(std::string step_name, Waiting how, SteadyTime end)
            : step(std::move(step_name)), waiting(how), deadline(end) {}

        std::string step;  ///< "reading from the remote command", for messages
        Waiting waiting;
        SteadyTime deadline;
    };

    /// Repeats `call` (its result is libssh2's) until it says something else than EAGAIN, and returns that. Throws
    /// SshError when the deadline passes, the peer stalls or the connection is lost; other errors of libssh2 are
    /// returned.
    Task<long> drive(std::function<long()> call, Patience patience);

    /// A deadline of `step_timeout` from now.
    SteadyTime step_deadline() const;

    /// Marks the session as lost and wakes everybody who waits on it.
    void abandon(const std::string& why);

    /// Memory that libssh2 frees; it is counted, and the peer cannot make libssh2 take more than its share.
    void* allocate(size_t bytes);

    /// An SshError "USER@HOST:PORT: STEP: what libssh2 said".
    SshError failure(Failure kind, const std::string& step) const;

    _LIBSSH2_SESSION* handle() { return handle_; }
    Transport& transport() { return *transport_; }

    /// Whether sign-in is over, so that keepalives may be sent.
    void mark_signed_in();

    /// Frees a channel as soon as the peer has closed it too; one that `runs_program` may be given time to end it.
    void retire(_LIBSSH2_CHANNEL* channel, bool runs_program);

  private:
    struct Hooks;
    struct MidCall;

    Session(asio::any_io_executor executor, SshSettings settings, Dialed dialed);
    Task<void> shake_hands();
    Task<void> settle_retired();
    bool is_dropbear() const;
    static bool has_ended(_LIBSSH2_CHANNEL* channel);
    Task<std::unique_ptr<Channel>> try_channel(SteadyTime deadline);
    bool may_get_room();
    Task<void> wait_for_peer(const Patience& patience, SteadyTime began);
    void check_usable(const std::string& step) const;
    void free_retired();

    SshSettings settings_;
    std::string shown_;
    std::string host_key_;
    Dialed dialed_;
    std::shared_ptr<Transport> transport_;
    std::unique_ptr<Hooks> hooks_;
    _LIBSSH2_SESSION* handle_ = nullptr;
    Semaphore calls_;
    std::string lost_;  ///< why it cannot be used any more; "" while it can
    bool signed_in_ = false;
    SteadyTime keepalive_at_{};
    std::vector<_LIBSSH2_CHANNEL*> retired_;
    std::function<bool()> make_room_;
    size_t open_channels_ = 0;
    size_t most_channels_ = SIZE_MAX;  ///< that the server allows, once it has refused one
    SteadyTime retired_at_{};          ///< when the last one was closed
    SteadyTime goodbye_until_{};       ///< how long those are given to end, where that matters
    std::chrono::microseconds round_trip_{std::chrono::hours(1)};
};

}  // namespace syncline::ssh
