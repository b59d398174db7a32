// The channels of a session: how many there may be, and how they end.
#include <libssh2.h>

#include <algorithm>
#include <array>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "ssh/channel.hpp"
#include "ssh/session.hpp"

namespace syncline::ssh {
namespace {

constexpr unsigned window_bytes = 4 * 1024 * 1024;
constexpr unsigned packet_bytes = 32 * 1024;

/// How long a command that is not wanted any more may take to end, where that matters.
constexpr std::chrono::seconds longest_goodbye{2};

/// A server counts a channel until the program in it has ended, which it may take a moment to notice.
constexpr std::chrono::seconds longest_lingering{5};
constexpr std::chrono::milliseconds shortest_pause{5}, longest_pause{200};

}  // namespace

Task<std::unique_ptr<Channel>> Session::open_channel() {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    auto deadline = step_deadline();
    auto pause = shortest_pause;
    while (true) {
        if (open_channels_ < most_channels_ || may_get_room()) {
            auto opening = try_channel(deadline);
            auto channel = co_await std::move(opening);
            if (channel) co_return channel;
        }
        auto refusal = failure(Failure::refused, "opening a channel");
        if (!may_get_room() || steady_now() >= deadline) {
            // Not even one beside none: what was closed is stuck there, and a new connection does better.
            if (open_channels_ == 0 && most_channels_ != 0 && retired_at_ != SteadyTime{}) {
                abandon("the server does not let go of what was closed");
                throw SshError(Failure::lost, refusal.what());
            }
            most_channels_ = std::max<size_t>(open_channels_, 1);
            throw SshError(refusal);
        }
        timer.expires_after(pause);
        auto pausing = timer.async_wait(asio::use_awaitable);
        co_await std::move(pausing);
        pause = std::min(pause * 2, longest_pause);
    }
}

/// Whether a channel may be had in a moment that is not to be had now.
bool Session::may_get_room() {
    if (make_room_ && make_room_()) return true;
    return steady_now() < retired_at_ + longest_lingering;
}

/// Dropbear does not answer a request on a new channel when the program of the one before ends just then.
Task<void> Session::settle_retired() {
    while (is_dropbear() && usable() && !retired_.empty() && steady_now() < goodbye_until_) {
        co_await transport_->wait(goodbye_until_);
        auto place = calls_.acquire();
        auto turn = co_await std::move(place);
        free_retired();
        transport_->flush_soon();
    }
}

/// Null when the server refuses.
Task<std::unique_ptr<Channel>> Session::try_channel(SteadyTime deadline) {
    co_await settle_retired();
    LIBSSH2_CHANNEL* opened = nullptr;
    auto began = steady_now();
    auto call = [&]() -> long {
        free_retired();
        constexpr std::string_view type = "session";
        opened = ::libssh2_channel_open_ex(handle_, type.data(), type.size(), window_bytes, packet_bytes, nullptr, 0);
        return opened ? 0 : ::libssh2_session_last_errno(handle_);
    };
    Patience patience("opening a channel", Waiting::exclusive, deadline);
    auto opening = drive(call, patience);
    co_await std::move(opening);
    if (!opened && ::libssh2_session_last_errno(handle_) != LIBSSH2_ERROR_CHANNEL_FAILURE) {
        throw failure(Failure::refused, "opening a channel");
    }
    round_trip_ = std::min(round_trip_, std::chrono::duration_cast<std::chrono::microseconds>(steady_now() - began));
    if (!opened) co_return nullptr;
    ++open_channels_;
    co_return std::make_unique<Channel>(*this, opened);
}

Task<bool> Session::answers(Duration limit) {
    try {
        // A refusal is an answer, too.
        auto channel = co_await try_channel(steady_now() + limit);
        co_return true;
    } catch (const SshError&) {
        co_return false;
    }
}

void Session::retire(_LIBSSH2_CHANNEL* channel, bool runs_program) {
    retired_.push_back(channel);
    --open_channels_;
    retired_at_ = steady_now();
    if (runs_program) goodbye_until_ = steady_now() + longest_goodbye;
    free_retired();
    transport_->flush();
}

void Session::free_retired() {
    bool lets_end = is_dropbear() && steady_now() < goodbye_until_;
    std::erase_if(retired_, [&](auto* channel) {
        return (!lets_end || has_ended(channel)) && ::libssh2_channel_free(channel) != LIBSSH2_ERROR_EAGAIN;
    });
}

bool Session::is_dropbear() const {
    const char* banner = ::libssh2_session_banner_get(handle_);
    return banner != nullptr && std::string_view(banner).find("dropbear") != std::string_view::npos;
}

/// Closes the input of a program whose output nobody wants, and says whether it has ended.
bool Session::has_ended(_LIBSSH2_CHANNEL* channel) {
    if (::libssh2_channel_send_eof(channel) == LIBSSH2_ERROR_EAGAIN) return false;
    std::array<char, 4096> unwanted;
    for (int stream : {0, SSH_EXTENDED_DATA_STDERR}) {
        while (::libssh2_channel_read_ex(channel, stream, unwanted.data(), unwanted.size()) > 0) {
        }
    }
    return ::libssh2_channel_eof(channel) != 0 && ::libssh2_channel_wait_closed(channel) != LIBSSH2_ERROR_EAGAIN;
}

}  // namespace syncline::ssh
