#include "async/event.hpp"

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <utility>

#include "async/cancel.hpp"
#include "base/error.hpp"

namespace syncline {

Event::Event(const asio::any_io_executor& executor) : timer_(executor, asio::steady_timer::time_point::max()) {}

void Event::notify() {
    happened_ = true;
    timer_.cancel();
}

Task<void> Event::wait() {
    while (!happened_) {
        asio::error_code ignored;
        auto woken = timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        co_await std::move(woken);
        auto state = co_await asio::this_coro::cancellation_state;
        if (!happened_ && is_cancelled(state)) throw Cancelled();
    }
    happened_ = false;
}

}  // namespace syncline
