#include "core/schedule.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "fake_zone.hpp"

using namespace syncline;
using namespace std::chrono_literals;

namespace {

constexpr TimeNs second = 1'000'000'000;
constexpr TimeNs hour = 3600 * second;
constexpr TimeNs midnight = 20'000 * 24 * hour;
using Names = std::vector<std::string>;

const FakeZone utc(0, {});

/// A schedule and its clock. `random` is what every draw gives.
struct Bench {
    explicit Bench(unsigned max_parallel = 4) : schedule(max_parallel, utc, [this] { return random; }) {}

    uint64_t random = 0;
    Moment now{midnight, 0};
    Schedule schedule;

    void set(JobTimes times) { schedule.set(times, now); }
    Names pass(Duration duration) {
        TimeNs ns = std::chrono::nanoseconds(duration).count();
        now.wall += ns;
        now.steady += ns;
        return schedule.take_due(now);
    }
    Names due() { return schedule.take_due(now); }
    void end(std::string_view name, RunEnd how = RunEnd::done) { schedule.finished(name, how, now); }
    void set_clock(Duration offset) { now.wall += std::chrono::nanoseconds(offset).count(); }
    /// Seconds from now until the next wake.
    std::optional<int64_t> wake_in_s() {
        auto wake = schedule.wake_at(now);
        return wake ? std::optional((*wake - now.steady) / second) : std::nullopt;
    }
};

JobTimes every(std::string name, Duration interval) {
    JobTimes times;
    times.name = std::move(name);
    times.interval = interval;
    return times;
}

JobTimes daily(std::string name, int hour_of_day) {
    JobTimes times;
    times.name = std::move(name);
    times.at.push_back({{}, hour_of_day, 0});
    times.on_start = false;
    return times;
}

JobTimes plain(std::string name) {
    JobTimes times;
    times.name = std::move(name);
    return times;
}

}  // namespace

TEST_CASE("an interval counts from start to start") {
    Bench bench;
    bench.set(every("a", 60s));
    CHECK(bench.due() == Names{"a"});
    CHECK(bench.pass(20s).empty());
    bench.end("a");
    CHECK(bench.wake_in_s() == 40);
    CHECK(bench.pass(39s).empty());
    CHECK(bench.pass(1s) == Names{"a"});
}

TEST_CASE("a run longer than its interval is followed by one run at once, not by two") {
    Bench bench;
    bench.set(every("a", 60s));
    CHECK(bench.due() == Names{"a"});
    CHECK(bench.pass(60s).empty());
    CHECK(bench.pass(150s).empty());
    bench.end("a");
    CHECK(bench.due() == Names{"a"});
    CHECK(bench.pass(1s).empty());
    bench.end("a");
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == 59);
}

TEST_CASE("on_start = false waits for the first interval") {
    Bench bench;
    auto times = every("a", 60s);
    times.on_start = false;
    bench.set(times);
    CHECK(bench.due().empty());
    CHECK(bench.pass(60s) == Names{"a"});
}

TEST_CASE("a job without times runs at start, unless on_start is off, and then by trigger only") {
    for (bool on_start : {true, false}) {
        Bench bench;
        auto times = plain("a");
        times.on_start = on_start;
        bench.set(times);
        CHECK(bench.due() == (on_start ? Names{"a"} : Names{}));
        CHECK_FALSE(bench.schedule.next_run_at("a", bench.now));
        if (on_start) bench.end("a");
        CHECK(bench.pass(1000h).empty());
        CHECK_FALSE(bench.wake_in_s());
        CHECK(bench.schedule.trigger("a", bench.now));
        CHECK(bench.due() == Names{"a"});
        CHECK_FALSE(bench.schedule.trigger("b", bench.now));
    }
}

TEST_CASE("a watched job without on_start waits for its changes") {
    Bench bench;
    auto times = plain("a");
    times.watch = true;
    times.on_start = false;
    bench.set(times);
    CHECK(bench.due().empty());
    CHECK_FALSE(bench.wake_in_s());
}

TEST_CASE("a trigger during a run gives one more run after it") {
    Bench bench;
    bench.set(plain("a"));
    CHECK(bench.due() == Names{"a"});
    bench.schedule.trigger("a", bench.now);
    bench.schedule.trigger("a", bench.now);
    CHECK(bench.due().empty());
    bench.end("a");
    CHECK(bench.due() == Names{"a"});
    bench.end("a");
    CHECK(bench.due().empty());
}

TEST_CASE("a time of day runs once a day, and next_run_at says when") {
    Bench bench;
    bench.set(daily("a", 3));
    CHECK(bench.due().empty());
    CHECK(bench.schedule.next_run_at("a", bench.now) == midnight + 3 * hour);
    CHECK(bench.wake_in_s() == 3 * 3600);
    CHECK(bench.pass(3h) == Names{"a"});
    bench.end("a");
    CHECK(bench.due().empty());
    CHECK(bench.schedule.next_run_at("a", bench.now) == midnight + 27 * hour);
}

TEST_CASE("several missed times and intervals make one run") {
    Bench bench;
    auto times = daily("a", 3);
    times.at.push_back({{}, 4, 0});
    times.interval = 1h;
    bench.set(times);
    CHECK(bench.pass(100h) == Names{"a"});
    bench.end("a");
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == 3600);
}

TEST_CASE("the wall clock set forward over a time makes one run, and leaves intervals alone") {
    Bench bench;
    bench.set(daily("a", 3));
    auto times = every("b", 1h);
    times.on_start = false;
    bench.set(times);
    CHECK(bench.due().empty());
    bench.set_clock(24h * 30 + 5h);
    CHECK(bench.due() == Names{"a"});
    bench.end("a");
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == 3600);
}

TEST_CASE("the wall clock set back does not repeat a time, and does not stall an interval") {
    Bench bench;
    bench.set(daily("a", 3));
    auto times = every("b", 1h);
    times.on_start = false;
    bench.set(times);
    CHECK(bench.pass(3h + 10s) == Names{"b", "a"});
    bench.end("a");
    bench.end("b");
    bench.set_clock(-1h);
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == 3600);
    CHECK(bench.schedule.next_run_at("a", bench.now) == midnight + 27 * hour);
    CHECK(bench.pass(1h) == Names{"b"});
}

TEST_CASE("a clock that was wrong by months does not silence a time of day when it is set right") {
    Bench bench;
    bench.now.wall += 200 * 24 * hour;
    bench.set(daily("a", 3));
    CHECK(bench.pass(3h) == Names{"a"});
    bench.end("a");
    bench.set_clock(-200 * 24h);
    CHECK(bench.due().empty());
    CHECK(bench.pass(24h) == Names{"a"});
}

TEST_CASE("a clock that was ahead at start does not cost the time that is yet to come") {
    Bench bench;
    bench.now.wall = midnight + 4 * hour;
    bench.set(daily("a", 3));
    CHECK(bench.due().empty());
    bench.set_clock(-2h);
    CHECK(bench.due().empty());
    CHECK(bench.pass(1h) == Names{"a"});
}

TEST_CASE("a small step back at the very time neither loses nor repeats the run") {
    for (uint64_t jitter : {0u, 5u}) {
        Bench bench;
        bench.random = jitter * second;
        auto times = daily("a", 3);
        times.jitter = 10s;
        bench.set(times);
        Names started = bench.pass(3h);
        bench.set_clock(-3ms);
        for (int step = 0; step < 20; ++step) {
            for (auto& name : bench.pass(1s)) started.push_back(name);
            if (bench.schedule.running() > 0) bench.end("a");
        }
        CHECK(started == Names{"a"});
    }
}

TEST_CASE("a small step back while a time waits for its jitter does not lose the run") {
    Bench bench;
    bench.random = 5 * second;
    auto times = daily("a", 3);
    times.jitter = 10s;
    bench.set(times);
    CHECK(bench.pass(3h + 1s).empty());
    bench.set_clock(-3ms);
    CHECK(bench.due().empty());
    CHECK(bench.pass(5s) == Names{"a"});
}

TEST_CASE("jitter puts a start off by less than it says") {
    Bench bench;
    bench.random = 7 * second;
    auto times = every("a", 60s);
    times.jitter = 10s;
    bench.set(times);
    CHECK(bench.due().empty());
    CHECK(bench.pass(7s) == Names{"a"});
    bench.end("a");
    CHECK(bench.wake_in_s() == 67);
}

TEST_CASE("at most max_parallel run, and who waits longest goes first") {
    Bench bench(1);
    auto slow = every("a", 10s);
    slow.on_start = false;
    auto slower = every("b", 5s);
    slower.on_start = false;
    bench.set(plain("c"));
    bench.set(slow);
    bench.set(slower);
    CHECK(bench.due() == Names{"c"});
    CHECK(bench.pass(60s).empty());
    bench.end("c");
    CHECK(bench.due() == Names{"b"});
    CHECK(bench.pass(100s).empty());
    bench.end("b");
    CHECK(bench.due() == Names{"a"});
    bench.end("a");
    CHECK(bench.due() == Names{"b"});
}

TEST_CASE("a raised limit starts who waits, a lowered one lets runs end") {
    Bench bench(1);
    for (auto name : {"a", "b", "c", "d"}) bench.set(plain(name));
    CHECK(bench.due() == Names{"a"});
    bench.schedule.set_max_parallel(3);
    CHECK(bench.due() == Names{"b", "c"});
    bench.schedule.set_max_parallel(1);
    bench.end("a");
    bench.end("b");
    CHECK(bench.due().empty());
    bench.end("c");
    CHECK(bench.due() == Names{"d"});
}

TEST_CASE("a failed run is tried again, later and later, and a success ends that") {
    Bench bench;
    bench.random = ~uint64_t{0};
    bench.set(every("a", 24h));
    CHECK(bench.due() == Names{"a"});
    int64_t longest = 0;
    for (int attempt = 0; attempt < 12; ++attempt) {
        bench.end("a", RunEnd::failed);
        auto wait = bench.wake_in_s();
        REQUIRE(wait);
        CHECK(*wait >= 1);
        CHECK(*wait <= 600);
        longest = std::max(longest, *wait);
        CHECK(bench.pass(std::chrono::seconds(*wait + 1)) == Names{"a"});
    }
    CHECK(longest > 60);
    bench.end("a");
    CHECK(bench.wake_in_s() == 24 * 3600);
}

TEST_CASE("a retry never puts off the next regular run") {
    Bench bench;
    bench.random = ~uint64_t{0} >> 1;
    bench.set(every("a", 2s));
    CHECK(bench.due() == Names{"a"});
    for (int attempt = 0; attempt < 20; ++attempt) {
        bench.end("a", RunEnd::failed);
        CHECK(bench.wake_in_s() <= 2);
        CHECK(bench.pass(2s) == Names{"a"});
    }
}

TEST_CASE("a halted or cancelled run waits for its regular time") {
    for (auto how : {RunEnd::halted, RunEnd::cancelled}) {
        Bench bench;
        bench.set(every("a", 1h));
        bench.set(plain("b"));
        CHECK(bench.due() == Names{"a", "b"});
        bench.end("a", how);
        bench.end("b", how);
        CHECK(bench.wake_in_s() == 3600);
    }
}

TEST_CASE("an edited job begins anew; its run goes on and is not doubled") {
    Bench bench;
    bench.set(every("a", 1h));
    bench.set(every("b", 1h));
    CHECK(bench.due() == Names{"a", "b"});
    bench.end("b");
    bench.pass(10min);
    bench.set(every("a", 30min));
    bench.set(every("b", 30min));
    CHECK(bench.due() == Names{"b"});
    bench.end("a");
    CHECK(bench.due() == Names{"a"});
}

TEST_CASE("a removed job is gone; one that runs, with its end; it may come back before that") {
    Bench bench(1);
    bench.set(plain("a"));
    bench.set(plain("b"));
    CHECK(bench.due() == Names{"a"});
    bench.schedule.remove("a");
    bench.schedule.remove("b");
    bench.schedule.remove("never there");
    CHECK(bench.due().empty());
    CHECK(bench.schedule.running() == 1);
    CHECK_FALSE(bench.schedule.trigger("a", bench.now));
    bench.set(plain("a"));
    CHECK(bench.due().empty());
    bench.end("a");
    CHECK(bench.due() == Names{"a"});
    bench.schedule.remove("a");
    bench.end("a", RunEnd::failed);
    CHECK(bench.pass(1h).empty());
    CHECK_FALSE(bench.wake_in_s());
}

TEST_CASE("a paused job stays due and is not started until it is let go") {
    Bench bench;
    bench.set(every("a", 1h));
    bench.schedule.set_paused("a", true);
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == std::nullopt);
    CHECK(bench.schedule.is_asked_for("a", bench.now));
    CHECK(bench.schedule.next_run_at("a", bench.now) == std::nullopt);
    bench.set(every("a", 2h));
    bench.schedule.set_paused("a", false);
    CHECK(bench.due() == Names{"a"});
}

TEST_CASE("a run that somebody wants begins whatever runs, but never beside one of the same job") {
    Bench bench(1);
    bench.set(every("a", 1h));
    bench.set(every("b", 1h));
    CHECK(bench.due() == Names{"a"});
    CHECK_FALSE(bench.schedule.begin("a", true, bench.now));
    CHECK_FALSE(bench.schedule.begin("nobody", true, bench.now));
    CHECK(bench.schedule.begin("b", true, bench.now));
    bench.end("a");
    bench.end("b");
    // It stood for the one that was due.
    CHECK(bench.due().empty());
    CHECK(bench.wake_in_s() == 3600);
    CHECK(bench.schedule.begin("a", false, bench.now));
    bench.schedule.set_aside("a");
    CHECK(bench.wake_in_s() == 3600);
}
