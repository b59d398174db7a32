// Runs one coroutine to its end on an io_context of its own, for tests.
#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <exception>
#include <list>
#include <utility>

#include "async/task.hpp"

namespace syncline {

/// An io_context with one root coroutine that a test can cancel.
class TestLoop {
  public:
    asio::io_context context{1};

    void start(Task<void> task) {
        auto keep_failure = [this](std::exception_ptr failure) {
            ended_ = true;
            failure_ = failure;
        };
        asio::co_spawn(context, std::move(task), asio::bind_cancellation_slot(signal_.slot(), keep_failure));
    }
    void cancel() { signal_.emit(asio::cancellation_type::terminal); }
    bool ended() const { return ended_; }

    /// Runs until the root coroutine has ended; rethrows what it threw.
    void finish() {
        context.run();
        if (failure_) std::rethrow_exception(failure_);
    }
    /// Runs all that is ready now.
    void settle() {
        context.restart();
        context.poll();
    }

  private:
    asio::cancellation_signal signal_;
    std::exception_ptr failure_;
    bool ended_ = false;
};

inline void run_task(Task<void> task) {
    // A worker may still be inside its post() when the answer is here; programs end their workers before their loop.
    static std::list<TestLoop> recent;
    if (recent.size() > 8) recent.pop_front();
    TestLoop& loop = recent.emplace_back();
    loop.start(std::move(task));
    loop.finish();
}

}  // namespace syncline
