#include "fs/rate_limiter.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace syncline::fs {

void RateLimiter::set_rate(std::optional<uint64_t> bytes_per_second) {
    std::lock_guard lock(mutex_);
    if (rate_ == bytes_per_second) return;
    rate_ = bytes_per_second;
    free_from_ = Clock::now();
    ++generation_;
    changed_.notify_all();
}

/// Each taker waits for what was taken before it and for its own share, but for a small burst that may go ahead.
RateLimiter::Share RateLimiter::reserve_locked(uint64_t bytes) {
    constexpr auto burst = std::chrono::milliseconds(50);
    if (!rate_) return {generation_, {}};
    std::chrono::duration<double> cost(static_cast<double>(bytes) / static_cast<double>(*rate_));
    // So that no product of a size and a rate overflows the clock.
    cost = std::min<std::chrono::duration<double>>(cost, std::chrono::hours(24 * 365));
    free_from_ = std::max(free_from_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(cost);
    return {generation_, free_from_ - burst};
}

void RateLimiter::take(uint64_t bytes, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    Share share = reserve_locked(bytes);
    if (!rate_) return;
    auto rate_changed = [&] { return generation_ != share.generation; };
    changed_.wait_until(lock, stop, share.free_at, rate_changed);
    if (stop.stop_requested()) throw Cancelled();
}

RateLimiter::Share RateLimiter::reserve(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    return reserve_locked(bytes);
}

RateLimiter::Clock::duration RateLimiter::left(const Share& share) {
    std::lock_guard lock(mutex_);
    if (generation_ != share.generation) return {};
    return std::max(share.free_at - Clock::now(), Clock::duration::zero());
}

}  // namespace syncline::fs
