#include "core/parked.hpp"

#include <catch2/catch_test_macros.hpp>

namespace syncline {
namespace {

using Paths = std::vector<std::string>;
constexpr TimeNs s = ns_per_second;
const Paths everything{""};

TEST_CASE("What failed is tried again after a while that doubles, and is named until it is done") {
    Parked parked;
    CHECK(parked.empty());
    TimeNs now = 100 * s;
    TimeNs wait = Parked::first_wait;
    for (int i = 0; i < 10; ++i) {
        parked.run_ended({"stuck"}, {{"stuck", "why"}}, now);
        REQUIRE(parked.problems().size() == 1);
        CHECK(parked.problems().front().why == "why");
        CHECK(parked.wake_at() == now + wait);
        CHECK(parked.take_due(now + wait - 1).empty());
        now += wait;
        CHECK(parked.take_due(now) == Paths{"stuck"});
        wait = std::min(2 * wait, Parked::longest_wait);
    }
    parked.run_ended({"stuck"}, {}, now);
    CHECK(parked.empty());
    CHECK_FALSE(parked.wake_at());
}

TEST_CASE("One path that always fails does not delay the next try of another") {
    Parked parked;
    TimeNs now = 0;
    parked.run_ended(everything, {{"bad", "always"}}, now);
    for (int i = 0; i < 5; ++i) {
        now = parked.wake_at().value();
        Paths due = parked.take_due(now);
        CHECK(due == Paths{"bad"});
        parked.run_ended(due, {{"bad", "always"}}, now);
    }
    parked.run_ended({"good"}, {{"good", "once"}}, now);
    CHECK(parked.wake_at() == now + Parked::first_wait);
    now += Parked::first_wait;
    // What failed comes along, since it may be what deletes of the other wait for; it loses nothing by that.
    Paths due = parked.take_due(now);
    CHECK(due == Paths{"bad", "good"});
    TimeNs later = parked.wake_at().value();
    parked.run_ended(due, {{"bad", "always"}}, now);
    REQUIRE(parked.problems().size() == 1);
    CHECK(parked.wake_at().value() >= later);
    CHECK(parked.wake_at().value() < now + Parked::longest_wait);
}

TEST_CASE("A run that looked elsewhere leaves what is parked; one of everything decides on all") {
    Parked parked;
    parked.run_ended(everything, {{"d/a", "1"}, {"e", "2"}}, 0);
    parked.run_ended({"other"}, {}, s);
    CHECK(parked.problems().size() == 2);
    parked.run_ended({"d"}, {}, s);
    REQUIRE(parked.problems().size() == 1);
    CHECK(parked.problems().front().path == "e");
    parked.run_ended(everything, {}, s);
    CHECK(parked.empty());
}

TEST_CASE("More than can be kept is everything") {
    Parked parked;
    std::vector<Problem> problems;
    for (size_t i = 0; i < Parked::most_paths + 10; ++i) problems.push_back({"f" + std::to_string(i), "why"});
    parked.run_ended(everything, problems, 0);
    CHECK(parked.problems().size() <= Parked::most_paths + 1);
    CHECK(parked.take_due(Parked::first_wait).front().empty());
}

}  // namespace
}  // namespace syncline
