#include "async/clock.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "async/manual_clock.hpp"
#include "base/error.hpp"
#include "run_task.hpp"

using namespace syncline;
using namespace std::chrono_literals;

namespace {

constexpr TimeNs second = 1'000'000'000;

Task<void> sleep_and_count(Clock& clock, TimeNs deadline, int& woken) {
    co_await clock.sleep_until(deadline);
    ++woken;
}

}  // namespace

TEST_CASE("the system clock sleeps until its steady deadline") {
    SystemClock clock;
    TimeNs deadline = clock.steady_now() + second / 50;
    int woken = 0;
    run_task(sleep_and_count(clock, deadline, woken));
    CHECK(woken == 1);
    // The sleep is measured by the wall clock, which may run a little faster than the steady one.
    CHECK(clock.steady_now() >= deadline - second / 500);
    run_task(sleep_and_count(clock, deadline - second, woken));
    CHECK(woken == 2);
}

TEST_CASE("a cancelled sleep of the system clock ends at once") {
    SystemClock clock;
    TestLoop loop;
    int woken = 0;
    loop.start(sleep_and_count(clock, clock.steady_now() + 3600 * second, woken));
    loop.settle();
    loop.cancel();
    loop.context.restart();
    CHECK_THROWS(loop.finish());
    CHECK(woken == 0);
}

TEST_CASE("the manual clock wakes whom time has reached, and everybody when the wall clock is set") {
    ManualClock clock(1000 * second);
    TestLoop loop;
    int early = 0;
    int late = 0;
    loop.start(sleep_and_count(clock, 10 * second, early));
    TestLoop other;
    other.start(sleep_and_count(clock, 20 * second, late));
    loop.settle();
    other.settle();
    CHECK(clock.next_deadline() == 10 * second);
    clock.advance(10s);
    loop.settle();
    other.settle();
    CHECK(early == 1);
    CHECK(late == 0);
    CHECK(clock.wall_now() == 1010 * second);
    clock.jump_wall(-1h);
    other.settle();
    CHECK(late == 1);
    CHECK_FALSE(clock.next_deadline());
}
