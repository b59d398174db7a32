#include "core/local_time.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fake_zone.hpp"

using namespace syncline;

namespace {

constexpr int64_t hour = 3600;
constexpr int64_t day = 24 * hour;
constexpr TimeNs ns = 1'000'000'000;

// Central Europe in 2026: summer time from 29 March 01:00 UTC (02:00 -> 03:00) to 25 October 01:00 UTC (03:00 ->
// 02:00).
constexpr int64_t spring = 1'774'746'000;
constexpr int64_t autumn = 1'792'890'000;
const FakeZone berlin(hour, {{spring, 2 * hour}, {autumn, hour}});

std::optional<TimeNs> next(CalendarTime time, int64_t after_s, const LocalTime& zone = berlin) {
    auto instant = next_occurrence({time}, after_s * ns, zone);
    if (instant) CHECK(*instant % ns == 0);
    return instant ? std::optional(*instant / ns) : std::nullopt;
}

/// What the header promises, by looking at every minute: the first at which the clock shows that day's time or more.
int64_t first_showing(int64_t local_s, const LocalTime& zone, int64_t from_s) {
    for (int64_t at = from_s;; at += 60) {
        if (at + zone.utc_offset_s(at * ns) >= local_s) return at;
    }
}

}  // namespace

TEST_CASE("a time of day comes today or tomorrow") {
    FakeZone utc(0, {});
    int64_t midnight = 20'000 * day;
    CHECK(next({{}, 3, 0}, midnight, utc) == midnight + 3 * hour);
    CHECK(next({{}, 3, 0}, midnight + 3 * hour - 1, utc) == midnight + 3 * hour);
    CHECK(next({{}, 3, 0}, midnight + 3 * hour, utc) == midnight + day + 3 * hour);
    CHECK(next_occurrence({{{}, 3, 0}}, (midnight + 3 * hour) * ns - 1, utc) == (midnight + 3 * hour) * ns);
    CHECK(next_occurrence({}, 0, utc) == std::nullopt);
}

TEST_CASE("a weekday comes within the week, and the earliest of several times wins") {
    FakeZone utc(0, {});
    int64_t wednesday = 20'005 * day;
    CHECK(next({3, 12, 30}, wednesday, utc) == wednesday + 12 * hour + 1800);
    CHECK(next({1, 12, 30}, wednesday, utc) == wednesday + 5 * day + 12 * hour + 1800);
    CHECK(next({3, 0, 0}, wednesday, utc) == wednesday + 7 * day);
    std::vector<CalendarTime> times{{1, 0, 0}, {5, 8, 0}, {{}, 23, 0}};
    CHECK(next_occurrence(times, wednesday * ns, utc) == (wednesday + 23 * hour) * ns);
}

TEST_CASE("a time that a change of the clocks skips comes right after the gap") {
    CHECK(next({{}, 1, 59}, spring - 7200) == spring - 60);
    CHECK(next({{}, 2, 0}, spring - 7200) == spring);
    CHECK(next({{}, 2, 30}, spring - 7200) == spring);
    CHECK(next({{}, 3, 0}, spring - 7200) == spring);
    CHECK(next({{}, 3, 1}, spring - 7200) == spring + 60);
    CHECK(next({{}, 2, 30}, spring) == spring + day - hour + 1800);
}

TEST_CASE("a time that is shown twice comes once") {
    CHECK(next({{}, 2, 30}, autumn - 2 * hour) == autumn - 1800);
    CHECK(next({{}, 2, 30}, autumn - 1800) == autumn + day + 1800);
    CHECK(next({{}, 2, 0}, autumn - 2 * hour) == autumn - hour);
    CHECK(next({{}, 3, 0}, autumn - 2 * hour) == autumn + hour);
}

TEST_CASE("every minute of the days around a change is as a look at the clock says") {
    const FakeZone lord_howe(11 * hour, {{spring, 10 * hour + 1800}, {autumn, 11 * hour}});
    const FakeZone midnight_change(-4 * hour,
                                   {{20'000 * day + 4 * hour, -3 * hour}, {20'100 * day + 3 * hour, -4 * hour}});
    struct Case {
        const FakeZone* zone;
        int64_t change;
    };
    for (auto [zone, change] :
         {Case{&berlin, spring}, Case{&berlin, autumn}, Case{&lord_howe, spring}, Case{&lord_howe, autumn},
          Case{&midnight_change, 20'000 * day + 4 * hour}, Case{&midnight_change, 20'100 * day + 3 * hour}}) {
        int64_t today = (change + zone->utc_offset_s(change * ns)) / day;
        for (int minutes = 0; minutes < 24 * 60; minutes += 5) {
            for (int64_t local_day : {today - 1, today, today + 1}) {
                int64_t expected = first_showing(local_day * day + minutes * 60, *zone, change - 4 * day);
                auto got =
                    next({static_cast<int>((local_day + 4) % 7), minutes / 60, minutes % 60}, expected - 60, *zone);
                INFO("change " << change << " day " << local_day - today << " minute " << minutes);
                CHECK(got == expected);
            }
        }
    }
}
