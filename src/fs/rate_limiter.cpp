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
void RateLimiter::take(uint64_t bytes, std::stop_token stop) {
    constexpr auto burst = std::chrono::milliseconds(50);
    std::unique_lock lock(mutex_);
    if (!rate_) return;
    std::chrono::duration<double> cost(static_cast<double>(bytes) / static_cast<double>(*rate_));
    // So that no product of a size and a rate overflows the clock.
    cost = std::min<std::chrono::duration<double>>(cost, std::chrono::hours(24 * 365));
    free_from_ = std::max(free_from_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(cost);
    uint64_t generation = generation_;
    auto rate_changed = [&] { return generation_ != generation; };
    changed_.wait_until(lock, stop, free_from_ - burst, rate_changed);
    if (stop.stop_requested()) throw Cancelled();
}

}  // namespace syncline::fs
