#include "async/nursery.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <utility>

#include "async/cancel.hpp"
#include "base/assert.hpp"
#include "base/error.hpp"

namespace syncline {

Nursery::Nursery(const asio::any_io_executor& executor) : executor_(executor), drained_(executor) {}

Nursery::~Nursery() { SYNCLINE_ASSERT(children_.empty()); }

void Nursery::spawn(Task<void> task) {
    if (cancelled_) return;
    auto child = children_.emplace(children_.end());
    // The end of the child is posted: this handler runs inside the child's frame, which still refers to the signal.
    auto on_end = [this, child](std::exception_ptr failure) {
        asio::post(executor_, [this, child, failure] { ended(child, failure); });
    };
    asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(child->signal.slot(), on_end));
}

void Nursery::cancel() {
    if (cancelled_) return;
    cancelled_ = true;
    // No slot resumes its coroutine inline, so no child ends inside this loop.
    for (auto& child : children_) child.signal.emit(asio::cancellation_type::terminal);
}

void Nursery::ended(Children::iterator child, std::exception_ptr failure) {
    children_.erase(child);
    if (failure && !failure_ && !(cancelled_ && is_cancellation(failure))) {
        failure_ = failure;
        cancel();
    }
    if (children_.empty()) drained_.notify();
}

Task<void> Nursery::join() {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto state = co_await asio::this_coro::cancellation_state;
    while (!children_.empty()) {
        if (is_cancelled(state)) cancel();
        try {
            co_await drained_.wait();
        } catch (const Cancelled&) {
            // The next turn passes it on to the children.
        }
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (failure_) std::rethrow_exception(failure_);
    if (is_cancelled(state)) throw Cancelled();
}

}  // namespace syncline
