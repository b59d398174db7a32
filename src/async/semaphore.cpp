#include "async/semaphore.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace syncline {

/// Lives in the frame that waits. Out of the queue means: it has been given a place.
struct Semaphore::Waiter {
    explicit Waiter(Semaphore& semaphore) : queue(semaphore.waiters_), turn(semaphore.executor_) {
        queue.push_back(this);
    }
    ~Waiter() { std::erase(queue, this); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    std::deque<Waiter*>& queue;
    Event turn;
};

Semaphore::Semaphore(asio::any_io_executor executor, size_t permits)
    : executor_(std::move(executor)), available_(permits) {
    SYNCLINE_ASSERT(permits > 0);
}

Semaphore::~Semaphore() { SYNCLINE_ASSERT(waiters_.empty()); }

Task<Semaphore::Permit> Semaphore::acquire() {
    if (available_ > 0) {
        --available_;
    } else {
        Waiter waiter(*this);
        // A place that was given just before a cancel is kept: the permit of the frame that dies returns it.
        co_await waiter.turn.wait();
    }
    co_return Permit(*this);
}

std::optional<Semaphore::Permit> Semaphore::try_acquire() {
    if (available_ == 0) return std::nullopt;
    --available_;
    return std::optional<Permit>(std::in_place, *this);
}

void Semaphore::release() {
    if (waiters_.empty()) {
        ++available_;
        return;
    }
    Waiter* next = waiters_.front();
    waiters_.pop_front();
    next->turn.notify();
}

}  // namespace syncline
