// Nursery: the owner of child coroutines. The first failure cancels the siblings; join waits for all of them and then
// rethrows it. Nothing outlives its nursery.
//
// All on the engine's thread. Use it through with_nursery, which joins on every way out.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/this_coro.hpp>
#include <exception>
#include <list>

#include "async/event.hpp"
#include "async/task.hpp"

namespace syncline {

class Nursery {
  public:
    explicit Nursery(const asio::any_io_executor& executor);
    /// No child may be left: a missing join is a bug.
    ~Nursery();
    Nursery(const Nursery&) = delete;
    Nursery& operator=(const Nursery&) = delete;

    /// Starts `task` as a child. After a cancel it is dropped instead: nothing new begins.
    void spawn(Task<void> task);

    /// Tells every child to stop. Their cancellations are no failures from then on.
    void cancel();

    /// Children that have not ended.
    size_t size() const { return children_.size(); }

    /// Waits for every child, then rethrows the first failure. A cancel of the caller cancels the children; they are
    /// waited for all the same, then Cancelled is thrown. Await it with throw_if_cancelled off, else a cancel that came
    /// before leaves children behind; it is on afterwards.
    Task<void> join();

  private:
    struct Child {
        asio::cancellation_signal signal;
    };
    using Children = std::list<Child>;

    void ended(Children::iterator child, std::exception_ptr failure);

    asio::any_io_executor executor_;
    Children children_;
    Event drained_;
    std::exception_ptr failure_;
    bool cancelled_ = false;
};

/// Runs `body(nursery)`, which returns a Task, as the first child of a new nursery, and returns when it and all that it
/// spawned has ended. `body` is a named local that may capture, but no coroutine itself: it calls one.
///
///     auto body = [&](Nursery& nursery) { return self.serve(nursery); };
///     co_await with_nursery(body);
template <class Body>
Task<void> with_nursery(Body& body) {
    auto executor = co_await asio::this_coro::executor;
    Nursery nursery(executor);
    co_await asio::this_coro::throw_if_cancelled(false);
    nursery.spawn(body(nursery));
    co_await nursery.join();
}

}  // namespace syncline
