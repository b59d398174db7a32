#include "cli/exit_status.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline;
using namespace syncline::cli;

TEST_CASE("of several statuses the gravest is reported: 1 before 3, 5, 4, 0") {
    const int order[] = {exit_ok, exit_partial, exit_locked, exit_halted, exit_failed, exit_usage};
    for (size_t i = 0; i < std::size(order); ++i) {
        for (size_t j = 0; j < std::size(order); ++j) CHECK(worse_status(order[i], order[j]) == order[std::max(i, j)]);
    }
}

TEST_CASE("every kind of error has its status") {
    CHECK(exit_status(Errc::usage) == 2);
    CHECK(exit_status(Errc::failed) == 1);
    CHECK(exit_status(Errc::state) == 1);
    CHECK(exit_status(Errc::locked) == 5);
}
