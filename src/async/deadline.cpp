#include "async/deadline.hpp"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include "async/first_of.hpp"

namespace syncline {
namespace {

Task<void> expire(Duration limit, std::string what) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, limit);
    auto expired = timer.async_wait(asio::use_awaitable);
    co_await std::move(expired);
    throw TimedOut(what + " timed out after " + format_duration(limit));
}

}  // namespace

Task<void> with_deadline(Task<void> task, Duration limit, std::string what) {
    auto expiry = expire(limit, std::move(what));
    auto race = first_of(std::move(task), std::move(expiry));
    co_await std::move(race);
}

}  // namespace syncline
