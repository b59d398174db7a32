#include "async/offload.hpp"

#include <pthread.h>

#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <exception>
#include <memory>

#include "base/assert.hpp"
#include "base/error.hpp"

namespace syncline {

WorkerPool::WorkerPool(unsigned threads) {
    SYNCLINE_ASSERT(threads > 0);
    // Threads inherit the mask: signals are for the engine's thread alone.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WorkerPool::~WorkerPool() {
    {
        std::lock_guard lock(mutex_);
        closing_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void WorkerPool::post(std::function<void()> work) {
    {
        std::lock_guard lock(mutex_);
        SYNCLINE_ASSERT(!closing_);
        queue_.push_back(std::move(work));
    }
    changed_.notify_one();
}

void WorkerPool::serve() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return closing_ || !queue_.empty(); });
        if (queue_.empty()) return;
        auto work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        work = nullptr;  // What it owns dies before the lock is taken again.
        lock.lock();
    }
}

namespace detail {
namespace {

/// One piece of work under way. The pool's thread holds the coroutine's handler until the work has ended: nothing can
/// destroy the frame, and what the work refers to in it, before that.
template <class Handler>
struct Flight {
    Handler handler;
    const std::function<void(std::stop_token)>& work;
    std::exception_ptr& failure;
    std::stop_source stop;

    void run() {
        try {
            work(stop.get_token());
        } catch (...) {
            failure = std::current_exception();
        }
        auto executor = asio::get_associated_executor(handler);
        asio::post(executor, std::move(handler));
    }
};

struct StartFlight {
    WorkerPool& pool;
    const std::function<void(std::stop_token)>& work;
    std::exception_ptr& failure;

    template <class Handler>
    void operator()(Handler handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto flight = std::make_shared<Flight<Handler>>(Flight<Handler>{std::move(handler), work, failure, {}});
        if (slot.is_connected()) {
            auto stop = flight->stop;
            slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
        }
        pool.post([flight] { flight->run(); });
    }
};

}  // namespace

Task<void> run_on(WorkerPool& pool, const std::function<void(std::stop_token)>& work) {
    std::exception_ptr failure;
    StartFlight start{pool, work, failure};
    auto flight = asio::async_initiate<const asio::use_awaitable_t<>, void()>(start, asio::use_awaitable);
    co_await std::move(flight);
    auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) throw Cancelled();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace syncline
