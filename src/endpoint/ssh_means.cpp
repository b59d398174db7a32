#include "endpoint/ssh_means.hpp"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

namespace syncline {

Task<void> take_share(fs::RateLimiter& limiter, uint64_t bytes) {
    using Ticks = fs::RateLimiter::Clock::duration;
    fs::RateLimiter::Share share = limiter.reserve(bytes);
    auto executor = co_await asio::this_coro::executor;
    // Not in one go, as the limit may be raised meanwhile.
    constexpr Ticks longest = std::chrono::seconds(1);
    for (Ticks left = limiter.left(share); left > Ticks::zero(); left = limiter.left(share)) {
        asio::steady_timer timer(executor, std::min(left, longest));
        auto waiting = timer.async_wait(asio::use_awaitable);
        co_await std::move(waiting);
    }
}

}  // namespace syncline
