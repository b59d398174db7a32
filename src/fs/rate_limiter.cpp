#include "fs/rate_limiter.hpp"

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

void RateLimiter::take(uint64_t bytes, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (rate_) {
        uint64_t generation = generation_;
        auto rate_changed = [&] { return generation_ != generation; };
        bool must_wait = free_from_ > Clock::now();
        if (must_wait && changed_.wait_until(lock, stop, free_from_, rate_changed)) continue;
        if (stop.stop_requested()) throw Cancelled();
        if (free_from_ > Clock::now()) continue;  // someone else took what was free
        std::chrono::duration<double> cost(static_cast<double>(bytes) / static_cast<double>(*rate_));
        free_from_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(cost);
        return;
    }
}

}  // namespace syncline::fs
