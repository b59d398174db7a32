#include "s3/throttle.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace syncline::s3 {

void AdaptiveLimit::on_throttled(Time now, Duration hold) {
    held_until_ = std::max(held_until_, now + hold);
    constexpr auto one_moment = std::chrono::seconds(1);
    if (lowered_at_ != Time{} && now - lowered_at_ < one_moment) return;
    lowered_at_ = now;
    limit_ = std::max(1U, limit_ / 2);
    successes_ = 0;
}

void AdaptiveLimit::on_success() {
    if (limit_ >= most_ || ++successes_ < limit_) return;
    ++limit_;
    successes_ = 0;
}

/// Stands in the queue as long as it lives.
struct Throttle::Waiter {
    Waiter(Throttle& owner) : throttle(owner), admitted(owner.executor_) { throttle.waiters_.push_back(this); }
    ~Waiter() {
        std::erase(throttle.waiters_, this);
        if (has_place) throttle.release();
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    Throttle& throttle;
    Event admitted;
    bool has_place = false;
};

Throttle::Throttle(const asio::any_io_executor& executor, unsigned most)
    : executor_(executor), rule_(std::max(1U, most)), timer_(executor), self_(std::make_shared<Throttle*>(this)) {}

Throttle::~Throttle() { SYNCLINE_ASSERT(active_ == 0 && waiters_.empty()); }

Task<Throttle::Permit> Throttle::acquire() {
    Waiter waiter(*this);
    admit();
    co_await waiter.admitted.wait();
    waiter.has_place = false;  // The permit has it from here on.
    co_return Permit(*this);
}

void Throttle::on_throttled(Duration hold) { rule_.on_throttled(std::chrono::steady_clock::now(), hold); }

void Throttle::on_success() { rule_.on_success(); }

void Throttle::release() {
    --active_;
    admit();
}

void Throttle::admit() {
    if (waiters_.empty()) {
        timer_.cancel();
        return;
    }
    if (std::chrono::steady_clock::now() < rule_.held_until()) {
        timer_.expires_at(rule_.held_until());
        // The handler may be on its way when this dies.
        std::weak_ptr<Throttle*> weak = self_;
        timer_.async_wait([weak](asio::error_code error) {
            auto self = weak.lock();
            if (!error && self) (*self)->admit();
        });
        return;
    }
    while (active_ < rule_.limit() && !waiters_.empty()) {
        auto* waiter = waiters_.front();
        waiters_.pop_front();
        ++active_;
        waiter->has_place = true;
        waiter->admitted.notify();
    }
}

}  // namespace syncline::s3
