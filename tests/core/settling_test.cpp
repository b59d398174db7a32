#include "core/settling.hpp"

#include <catch2/catch_test_macros.hpp>

namespace syncline {
namespace {

using Paths = std::vector<std::string>;
constexpr TimeNs ms = 1'000'000;
constexpr TimeNs start = 1'000 * ns_per_second;

TEST_CASE("A file that is written to is looked at once it is still") {
    Settling files;
    CHECK_FALSE(files.wake_at());
    files.written("a", start);
    files.written("a", start + 400 * ms);
    CHECK(files.size() == 1);
    CHECK(files.take_due(start + 500 * ms).empty());
    CHECK(files.wake_at() == start + 900 * ms);
    CHECK(files.take_due(start + 900 * ms) == Paths{"a"});
    CHECK(files.size() == 0);
    CHECK_FALSE(files.wake_at());
}

TEST_CASE("A file that is written to without end is looked at now and then, more and more rarely") {
    Settling log;
    int looks = 0;
    for (TimeNs at = start; at < start + 3600 * ns_per_second; at += 100 * ms) {
        log.written("log", at);
        looks += static_cast<int>(log.take_due(at).size());
        if (at == start + 30 * ns_per_second) CHECK(looks >= 3);
    }
    CHECK(looks >= 55);
    CHECK(looks <= 70);
    CHECK(log.size() == 1);
    // Still for long, it is as new.
    TimeNs later = start + 8000 * ns_per_second;
    log.take_due(later);
    log.written("log", later);
    CHECK(log.take_due(later + Settling::quiet) == Paths{"log"});
}

TEST_CASE("What was closed or removed waits no more, and what lies below it neither") {
    Settling files;
    for (const char* path : {"d", "d/x", "d/y/z", "d.x", "e"}) files.written(path, start);
    files.ended("d");
    CHECK(files.take_all(start) == Paths{"d.x", "e"});
    CHECK(files.take_all(start).empty());
}

TEST_CASE("Every write is followed by a look, whatever the rhythm") {
    for (TimeNs step : {1 * ms, 70 * ms, 499 * ms, 501 * ms, 1300 * ms, 7000 * ms}) {
        Settling files;
        TimeNs last_write = start, last_look = 0, now = start;
        for (int i = 0; i < 200; ++i, now += step) {
            files.written("f", last_write = now);
            if (!files.take_due(now).empty()) last_look = now;
        }
        while (files.wake_at()) {
            now = *files.wake_at();
            REQUIRE(now <= last_write + Settling::longest_gap + Settling::longest_wait);
            if (!files.take_due(now).empty()) last_look = now;
        }
        CHECK(last_look >= last_write);
    }
}

}  // namespace
}  // namespace syncline
