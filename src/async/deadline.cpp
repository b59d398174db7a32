#include "async/deadline.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "async/nursery.hpp"

namespace syncline {
namespace {

Task<void> expire(Duration limit, std::string what) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, limit);
    auto expired = timer.async_wait(asio::use_awaitable);
    co_await std::move(expired);
    throw TimedOut(what + " timed out after " + format_duration(limit));
}

Task<void> finish(Task<void> task, Nursery& nursery) {
    co_await std::move(task);
    nursery.cancel();
}

}  // namespace

Task<void> with_deadline(Task<void> task, Duration limit, std::string what) {
    auto race = [&](Nursery& nursery) {
        nursery.spawn(expire(limit, what));
        return finish(std::move(task), nursery);
    };
    co_await with_nursery(race);
}

}  // namespace syncline
