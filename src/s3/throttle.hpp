// Throttle: how many requests to one bucket may be under way. SlowDown halves the number for all of them and holds new
// ones back for a moment; success raises it again, one by one.
//
// Engine's thread only; outlives its permits.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "async/event.hpp"
#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline::s3 {

/// The rule, without waiting.
class AdaptiveLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit AdaptiveLimit(unsigned most) : most_(most), limit_(most) {}

    /// Many answers of one moment count as one: the requests were sent under the same limit.
    void on_throttled(Time now, Duration hold);
    void on_success();

    unsigned limit() const { return limit_; }
    /// Before this nothing new begins.
    Time held_until() const { return held_until_; }

  private:
    unsigned most_, limit_;
    unsigned successes_ = 0;  ///< since the limit changed
    Time held_until_{}, lowered_at_{};
};

class Throttle {
  public:
    Throttle(const asio::any_io_executor& executor, unsigned most);
    ~Throttle();
    Throttle(const Throttle&) = delete;
    Throttle& operator=(const Throttle&) = delete;

    class Permit {
      public:
        explicit Permit(Throttle& throttle) : throttle_(&throttle) {}
        Permit(Permit&& other) noexcept : throttle_(std::exchange(other.throttle_, nullptr)) {}
        Permit& operator=(Permit&&) = delete;
        ~Permit() {
            if (throttle_) throttle_->release();
        }

      private:
        Throttle* throttle_;
    };

    /// Waits for a place; first come, first served.
    Task<Permit> acquire();

    void on_throttled(Duration hold);
    void on_success();
    unsigned limit() const { return rule_.limit(); }

  private:
    struct Waiter;
    void release();
    void admit();

    asio::any_io_executor executor_;
    AdaptiveLimit rule_;
    asio::steady_timer timer_;
    std::shared_ptr<Throttle*> self_;
    unsigned active_ = 0;
    std::deque<Waiter*> waiters_;
};

}  // namespace syncline::s3
