#include "async/semaphore.hpp"

#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <list>
#include <string>
#include <vector>

#include "async/nursery.hpp"
#include "base/error.hpp"
#include "run_task.hpp"

using namespace syncline;

namespace {

/// Coroutines that want a place, each with a loop handle of its own so that one can be cancelled.
struct Crowd {
    TestLoop loop;
    Semaphore semaphore{loop.context.get_executor(), 2};
    std::vector<std::string> log;
    std::list<asio::cancellation_signal> signals;
    std::list<Event> leave;

    Task<void> visit(std::string name, Event& go) {
        auto permit = co_await semaphore.acquire();
        log.push_back(name + " in");
        co_await go.wait();
        log.push_back(name + " out");
    }

    void start(std::string name) {
        auto& signal = signals.emplace_back();
        auto& event = leave.emplace_back(loop.context.get_executor());
        auto on_end = [this, name](std::exception_ptr failure) {
            if (failure) log.push_back(name + " gave up");
        };
        asio::co_spawn(loop.context, visit(name, event), asio::bind_cancellation_slot(signal.slot(), on_end));
        loop.settle();
    }
    void go(size_t index) {
        std::next(leave.begin(), static_cast<long>(index))->notify();
        loop.settle();
    }
    void cancel(size_t index) {
        std::next(signals.begin(), static_cast<long>(index))->emit(asio::cancellation_type::terminal);
    }
};

}  // namespace

TEST_CASE("places are given in the order of asking") {
    Crowd crowd;
    for (auto name : {"a", "b", "c", "d"}) crowd.start(name);
    CHECK(crowd.log == std::vector<std::string>{"a in", "b in"});
    crowd.go(1);
    crowd.go(0);
    crowd.go(2);
    crowd.go(3);
    CHECK(crowd.log == std::vector<std::string>{"a in", "b in", "b out", "c in", "a out", "d in", "c out", "d out"});
}

TEST_CASE("who is cancelled in the queue takes no place") {
    Crowd crowd;
    for (auto name : {"a", "b", "c", "d"}) crowd.start(name);
    crowd.cancel(2);
    crowd.loop.settle();
    crowd.go(0);
    crowd.go(1);
    crowd.go(3);
    CHECK(crowd.log == std::vector<std::string>{"a in", "b in", "c gave up", "a out", "d in", "b out", "d out"});
}

TEST_CASE("a place given in the moment of the cancel is given on") {
    Crowd crowd;
    for (auto name : {"a", "b", "c", "d"}) crowd.start(name);
    // Both happen before c can run: its place must reach d.
    std::next(crowd.leave.begin(), 0)->notify();
    crowd.loop.context.restart();
    crowd.loop.context.poll_one();
    crowd.cancel(2);
    crowd.loop.settle();
    crowd.go(1);
    crowd.go(3);
    CHECK(crowd.log.back() == "d out");
}
