// RateLimiter: the bandwidth that all jobs share. Any number of threads may ask; the rate may change at any time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

namespace syncline::fs {

class RateLimiter {
  public:
    /// Bytes a second; nullopt: no limit. Who waits now waits by the new rate.
    void set_rate(std::optional<uint64_t> bytes_per_second);

    /// Blocks until `bytes` more may be sent. Throws Cancelled.
    void take(uint64_t bytes, std::stop_token stop);

    using Clock = std::chrono::steady_clock;

    /// For callers that must not block: what was taken may be sent once left() is zero.
    struct Share {
        uint64_t generation = 0;
        Clock::time_point free_at{};
    };
    Share reserve(uint64_t bytes);
    Clock::duration left(const Share& share);

  private:
    Share reserve_locked(uint64_t bytes);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<uint64_t> rate_;
    uint64_t generation_ = 0;        ///< of the rate
    Clock::time_point free_from_{};  ///< when all that was taken will have been sent
};

}  // namespace syncline::fs
