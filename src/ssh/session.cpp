#include "ssh/session.hpp"

#include <libssh2.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <asio/this_coro.hpp>
#include <cstdlib>
#include <optional>

#include "base/text.hpp"
#include "ssh/authentication.hpp"
#include "ssh/channel.hpp"
#include "ssh/host_key.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

// What the peer can make libssh2 hold: a few windows of channels that nobody reads.
constexpr size_t memory_limit_bytes = 64 * 1024 * 1024;

// libssh2's ChaCha20 is plain C and takes three times as long as OpenSSL's AES.
constexpr const char* ciphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,chacha20-poly1305@openssh.com";

/// Errors of libssh2 after which the connection is of no more use.
std::optional<Failure> fatal(long result) {
    switch (result) {
        case LIBSSH2_ERROR_SOCKET_SEND:
        case LIBSSH2_ERROR_SOCKET_RECV:
        case LIBSSH2_ERROR_SOCKET_DISCONNECT:
        case LIBSSH2_ERROR_SOCKET_NONE:
        case LIBSSH2_ERROR_BANNER_RECV:
        case LIBSSH2_ERROR_BANNER_SEND: return Failure::lost;
        case LIBSSH2_ERROR_SOCKET_TIMEOUT:
        case LIBSSH2_ERROR_TIMEOUT: return Failure::timed_out;
        case LIBSSH2_ERROR_INVALID_MAC:
        case LIBSSH2_ERROR_DECRYPT:
        case LIBSSH2_ERROR_ENCRYPT:
        case LIBSSH2_ERROR_PROTO:
        case LIBSSH2_ERROR_KEX_FAILURE:
        case LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE:
        case LIBSSH2_ERROR_HOSTKEY_INIT:
        case LIBSSH2_ERROR_HOSTKEY_SIGN:
        case LIBSSH2_ERROR_METHOD_NONE:
        case LIBSSH2_ERROR_OUT_OF_BOUNDARY:
        case LIBSSH2_ERROR_BAD_USE: return Failure::protocol;
        case LIBSSH2_ERROR_ALLOC: return Failure::limit;
        default: return std::nullopt;
    }
}

}  // namespace

/// What libssh2's callbacks know: it outlives the handle.
struct Session::Hooks {
    Transport* transport = nullptr;
    size_t held_bytes = 0;
    std::string goodbye;  ///< of the server, when it disconnected with words
    bool has_left = false;

    static Hooks& of(void** abstract) { return *static_cast<Hooks*>(*abstract); }

    static void* allocate(size_t bytes, void** abstract) {
        auto& hooks = of(abstract);
        if (bytes > memory_limit_bytes - std::min(hooks.held_bytes, memory_limit_bytes)) return nullptr;
        void* memory = std::malloc(bytes);
        hooks.held_bytes += ::malloc_usable_size(memory);
        return memory;
    }
    static void* reallocate(void* memory, size_t bytes, void** abstract) {
        auto& hooks = of(abstract);
        if (bytes > memory_limit_bytes - std::min(hooks.held_bytes, memory_limit_bytes)) return nullptr;
        size_t before = ::malloc_usable_size(memory);
        void* moved = std::realloc(memory, bytes);
        if (moved) hooks.held_bytes += ::malloc_usable_size(moved) - before;
        return moved;
    }
    static void release(void* memory, void** abstract) {
        of(abstract).held_bytes -= ::malloc_usable_size(memory);
        std::free(memory);
    }
    static ssize_t receive(libssh2_socket_t, void* buffer, size_t size, int, void** abstract) {
        return of(abstract).transport->receive(static_cast<char*>(buffer), size);
    }
    static ssize_t send(libssh2_socket_t, const void* bytes, size_t size, int, void** abstract) {
        return of(abstract).transport->send(static_cast<const char*>(bytes), size);
    }
    static void disconnected(LIBSSH2_SESSION*, int, const char* message, int size, const char*, int, void** abstract) {
        of(abstract).has_left = true;
        of(abstract).goodbye = last_line(std::string_view(message, static_cast<size_t>(std::max(size, 0))));
    }
};

/// A call of several messages that does not come to its end leaves the protocol in the middle of it.
struct Session::MidCall {
    MidCall(Session& session, const Patience& patience) : owner(session), waits(patience) {}
    ~MidCall() {
        if (begun && !ended && waits.waiting == Waiting::exclusive) owner.abandon(waits.step + " was interrupted");
    }
    MidCall(const MidCall&) = delete;
    MidCall& operator=(const MidCall&) = delete;

    Session& owner;
    const Patience& waits;
    bool begun = false;
    bool ended = false;
};

Session::Session(asio::any_io_executor executor, SshSettings settings, Dialed dialed)
    : settings_(std::move(settings)),
      shown_(settings_.shown()),
      dialed_(std::move(dialed)),
      transport_(std::make_shared<Transport>(executor, dialed_.socket.release())),
      hooks_(std::make_unique<Hooks>()),
      calls_(executor, 1) {
    [[maybe_unused]] static const int initialised = ::libssh2_init(0);
    hooks_->transport = transport_.get();
    handle_ = ::libssh2_session_init_ex(&Hooks::allocate, &Hooks::release, &Hooks::reallocate, hooks_.get());
    if (!handle_) throw std::bad_alloc();
    auto set = [this](int type, auto* callback) {
        ::libssh2_session_callback_set2(handle_, type, reinterpret_cast<libssh2_cb_generic*>(callback));
    };
    set(LIBSSH2_CALLBACK_RECV, &Hooks::receive);
    set(LIBSSH2_CALLBACK_SEND, &Hooks::send);
    set(LIBSSH2_CALLBACK_DISCONNECT, &Hooks::disconnected);
    ::libssh2_session_set_blocking(handle_, 0);
}

Session::~Session() {
    if (usable()) ::libssh2_session_disconnect(handle_, "goodbye");
    transport_->close();
    // With the socket closed nothing in it can wait.
    for (int i = 0; i < 100 && ::libssh2_session_free(handle_) == LIBSSH2_ERROR_EAGAIN; ++i) {
    }
}

Task<std::unique_ptr<Session>> Session::connect(SshSettings settings) {
    auto executor = co_await asio::this_coro::executor;
    auto dialed = co_await dial(settings);
    std::unique_ptr<Session> session(new Session(executor, std::move(settings), std::move(dialed)));
    co_await session->shake_hands();
    co_await sign_in(*session);
    session->mark_signed_in();
    co_return session;
}

Task<void> Session::shake_hands() {
    auto reading = known_hosts_for(settings_);
    auto known = co_await std::move(reading);
    auto preference = known.algorithm_preference();
    ::libssh2_session_method_pref(handle_, LIBSSH2_METHOD_HOSTKEY, preference.c_str());
    for (int direction : {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC}) {
        ::libssh2_session_method_pref(handle_, direction, ciphers);
    }
    auto call = [this] { return static_cast<long>(::libssh2_session_handshake(handle_, transport_->socket())); };
    Patience patience("key exchange", Waiting::exclusive, steady_now() + settings_.step_timeout);
    auto exchange = drive(call, patience);
    if (co_await std::move(exchange) != 0) throw failure(Failure::protocol, "key exchange");
    size_t size = 0;
    int type = 0;
    const char* blob = ::libssh2_session_hostkey(handle_, &size, &type);
    std::string key(blob, blob ? size : 0);
    auto checking = check_host_key(settings_, known, key);
    co_await std::move(checking);
    host_key_ = HostKey{"", key}.fingerprint();
}

bool Session::usable() const { return lost_.empty(); }

void Session::check_usable(const std::string& step) const {
    if (!usable()) throw SshError(Failure::lost, shown_ + ": " + step + ": the connection is gone: " + lost_);
}

bool Session::was_heard_of_since(SteadyTime time) const { return transport_->alive_at() > time; }

SteadyTime Session::step_deadline() const { return steady_now() + settings_.step_timeout; }

void Session::abandon(const std::string& why) {
    if (!usable()) return;
    lost_ = why;
    transport_->close();
}

void* Session::allocate(size_t bytes) {
    void* hooks = hooks_.get();
    return Hooks::allocate(bytes, &hooks);
}

void Session::mark_signed_in() {
    signed_in_ = true;
    // libssh2 counts whole seconds and takes 2 for 1.
    auto quarter = std::chrono::duration_cast<std::chrono::seconds>(settings_.step_timeout / 4).count();
    ::libssh2_keepalive_config(handle_, 1, static_cast<unsigned>(std::max<long>(1, static_cast<long>(quarter))));
}

SshError Session::failure(Failure kind, const std::string& step) const {
    char* message = nullptr;
    int size = 0;
    ::libssh2_session_last_error(handle_, &message, &size, 0);
    auto text = shown_ + ": " + step + ": " + escape(std::string_view(message, static_cast<size_t>(size)));
    if (!hooks_->goodbye.empty()) text += "; the server said: " + hooks_->goodbye;
    if (dialed_.proxy_messages) {
        auto said = last_line(dialed_.proxy_messages->read_available());
        if (!said.empty()) text += "; the proxy said: " + said;
    }
    return SshError(kind, text);
}

Task<long> Session::drive(std::function<long()> call, Patience patience) {
    auto began = steady_now();
    MidCall guard(*this, patience);
    std::optional<Semaphore::Permit> turn;
    while (true) {
        if (!turn) {
            auto place = calls_.acquire();
            turn.emplace(co_await std::move(place));
        }
        check_usable(patience.step);
        guard.begun = true;
        auto received = transport_->received_bytes();
        auto result = call();
        bool had_room = transport_->has_room();
        transport_->flush_soon();
        // What was read may be what others wait for.
        if (transport_->received_bytes() != received) transport_->wake_all();
        auto kind = fatal(result);
        // Signing in has errors of its own for an answer that does not come.
        bool has_left = result < 0 && result != LIBSSH2_ERROR_EAGAIN && hooks_->has_left;
        if (!kind && has_left) kind = Failure::lost;
        if (kind) {
            auto error = failure(*kind, patience.step);
            abandon(error.what());
            throw error;
        }
        if (result != LIBSSH2_ERROR_EAGAIN) {
            guard.ended = true;
            co_return result;
        }
        // What was held back for want of room may go now; no event would tell.
        if (!had_room && transport_->has_room()) {
            transport_->wake_all();
            continue;
        }
        if (patience.waiting == Waiting::shared) turn.reset();
        co_await wait_for_peer(patience, began);
    }
}

Task<void> Session::wait_for_peer(const Patience& patience, SteadyTime began) {
    auto time = steady_now();
    // A peer of whom nothing was expected is not dead.
    auto alive_at = std::max(transport_->alive_at(), began);
    auto given_up_at = std::min(patience.deadline, alive_at + settings_.step_timeout);
    if (time >= given_up_at) {
        auto waited = std::chrono::duration_cast<Duration>(time - std::max(began, transport_->alive_at()));
        SshError error(Failure::timed_out,
                       shown_ + ": " + patience.step + ": no answer for " + format_duration(waited) +
                           "; the connection was given up. Check the network and the server, then try again");
        abandon(error.what());
        throw error;
    }
    auto quarter = settings_.step_timeout / 4;
    if (signed_in_ && time >= std::max(alive_at, keepalive_at_) + quarter) {
        int seconds = 0;
        ::libssh2_keepalive_send(handle_, &seconds);
        transport_->flush();
        keepalive_at_ = time;
    }
    auto until = given_up_at;
    if (signed_in_) until = std::min(until, std::max(alive_at, keepalive_at_) + quarter);
    co_await transport_->wait(until);
}

std::string Session::algorithms() const {
    std::string names;
    for (int type : {LIBSSH2_METHOD_KEX, LIBSSH2_METHOD_HOSTKEY, LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_MAC_CS}) {
        const char* name = ::libssh2_session_methods(handle_, type);
        if (name) names += (names.empty() ? "" : ", ") + escape(name);
    }
    return names;
}

}  // namespace syncline::ssh
