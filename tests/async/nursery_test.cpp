#include "async/nursery.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "base/error.hpp"
#include "run_task.hpp"

using namespace syncline;
using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// Waits for ever; says how it ended.
Task<void> sleeper(Log& log) {
    auto executor = co_await asio::this_coro::executor;
    Event never(executor);
    try {
        co_await never.wait();
    } catch (const Cancelled&) {
        log.push_back("stopped");
        throw;
    }
}

Task<void> step(Log& log, std::string name) {
    log.push_back(std::move(name));
    co_return;
}

Task<void> fail_with(std::string message) {
    throw Error(Errc::failed, message);
    co_return;
}

Task<void> say(Log& log, std::string word) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, 1ms);
    auto later = timer.async_wait(asio::use_awaitable);
    co_await std::move(later);
    log.push_back(std::move(word));
}

Task<void> cleanup_after(Log& log) {
    std::exception_ptr failure;
    try {
        co_await sleeper(log);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await shield();
    auto cleanup = say(log, "cleaned up");
    co_await with_deadline(std::move(cleanup), 5s, "cleaning up");
    std::rethrow_exception(failure);
}

Task<void> family(Log& log, std::vector<std::string> failures) {
    auto body = [&](Nursery& nursery) {
        nursery.spawn(sleeper(log));
        nursery.spawn(cleanup_after(log));
        for (auto& failure : failures) nursery.spawn(fail_with(failure));
        return step(log, "body");
    };
    try {
        co_await with_nursery(body);
    } catch (...) {
        log.push_back("joined");
        throw;
    }
}

Task<void> twins(Log& log) {
    auto body = [&](Nursery& nursery) {
        nursery.spawn(say(log, "one"));
        nursery.spawn(say(log, "two"));
        return step(log, "body");
    };
    co_await with_nursery(body);
    log.push_back("joined");
}

Task<void> cancel_from_within(Log& log) {
    auto body = [&](Nursery& nursery) {
        nursery.spawn(sleeper(log));
        nursery.cancel();
        nursery.spawn(say(log, "too late"));
        return step(log, "body");
    };
    co_await with_nursery(body);
    log.push_back("joined");
}

Task<void> cancelled_before_join(TestLoop& loop, Log& log) {
    auto body = [&](Nursery&) {
        loop.cancel();
        return sleeper(log);
    };
    co_await with_nursery(body);
}

Task<int> answer() { co_return 42; }

Task<void> in_time() {
    auto task = answer();
    auto limited = with_deadline(std::move(task), 5s, "answering");
    int value = co_await std::move(limited);
    CHECK(value == 42);
}

}  // namespace

TEST_CASE("join waits for every child") {
    Log log;
    run_task(twins(log));
    CHECK(log == Log{"body", "one", "two", "joined"});
}

TEST_CASE("the first failure cancels the siblings, which finish their cleanup before the join ends") {
    Log log;
    CHECK_THROWS_WITH(run_task(family(log, {"first", "second"})), "first");
    CHECK(log == Log{"body", "stopped", "stopped", "cleaned up", "joined"});
}

TEST_CASE("a cancel of the owner reaches the children and comes back as Cancelled") {
    Log log;
    TestLoop loop;
    loop.start(family(log, {}));
    loop.settle();
    loop.cancel();
    loop.context.restart();
    CHECK_THROWS_AS(loop.finish(), Cancelled);
    CHECK(log == Log{"body", "stopped", "stopped", "cleaned up", "joined"});
}

TEST_CASE("a nursery that cancels its own children has not failed, and begins nothing new") {
    Log log;
    run_task(cancel_from_within(log));
    CHECK(log == Log{"stopped", "joined"});
}

TEST_CASE("a cancel between spawn and join leaves no child behind") {
    Log log;
    TestLoop loop;
    loop.start(cancelled_before_join(loop, log));
    CHECK_THROWS_AS(loop.finish(), Cancelled);
}

TEST_CASE("a deadline gives the result of what ends in time") { run_task(in_time()); }

TEST_CASE("a deadline stops what takes too long and says what it was") {
    Log log;
    CHECK_THROWS_WITH(run_task(with_deadline(sleeper(log), 20ms, "listing cse:~/thesis")),
                      "listing cse:~/thesis timed out after 20 ms");
    CHECK(log == Log{"stopped"});
}

TEST_CASE("a failure before the deadline is what is reported") {
    CHECK_THROWS_WITH(run_task(with_deadline(fail_with("disk full"), 5s, "writing")), "disk full");
}

TEST_CASE("a cancel of the caller passes through a deadline") {
    Log log;
    TestLoop loop;
    loop.start(with_deadline(sleeper(log), 1h, "sleeping"));
    loop.settle();
    loop.cancel();
    loop.context.restart();
    CHECK_THROWS_AS(loop.finish(), Cancelled);
    CHECK(log == Log{"stopped"});
}
