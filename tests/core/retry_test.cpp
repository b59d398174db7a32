#include "core/retry.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <set>

using namespace syncline;

TEST_CASE("the ceiling doubles from base to cap and stays there") {
    for (int base = 0; base <= 20; ++base) {
        for (int cap = 0; cap <= 70; ++cap) {
            const RetryPolicy policy{Duration(base), Duration(cap)};
            for (unsigned attempt = 0; attempt < 12; ++attempt) {
                CHECK(retry_ceiling(policy, attempt) == Duration(std::min(int64_t{base} << attempt, int64_t{cap})));
            }
        }
    }
}

TEST_CASE("the delay takes every value from zero to the ceiling and no other") {
    for (int base = 0; base <= 5; ++base) {
        const RetryPolicy policy{Duration(base), Duration(13)};
        for (unsigned attempt = 0; attempt < 5; ++attempt) {
            const Duration ceiling = retry_ceiling(policy, attempt);
            std::set<Duration> seen;
            for (uint64_t random = 0; random < 60; ++random) seen.insert(retry_delay(policy, attempt, random));
            CHECK(*seen.begin() == Duration::zero());
            CHECK(*seen.rbegin() == ceiling);
            CHECK(seen.size() == static_cast<size_t>(ceiling.count()) + 1);
        }
    }
}

TEST_CASE("nothing overflows, however large") {
    constexpr uint64_t most = std::numeric_limits<uint64_t>::max();
    for (Duration cap : {Duration::max(), Duration::max() - Duration(1), Duration(300'000)}) {
        for (unsigned attempt : {0u, 1u, 31u, 62u, 63u, 64u, std::numeric_limits<unsigned>::max()}) {
            for (Duration base : {Duration::zero(), Duration(1), Duration(3), Duration::max()}) {
                const RetryPolicy policy{base, cap};
                const Duration delay = retry_delay(policy, attempt, most);
                CHECK(delay >= Duration::zero());
                CHECK(delay <= cap);
                if (attempt < 64) CHECK(retry_ceiling(policy, attempt) <= retry_ceiling(policy, attempt + 1));
            }
        }
    }
}

TEST_CASE("a negative policy waits not at all") {
    CHECK(retry_delay({Duration(-5), Duration(-1)}, 3, 17) == Duration::zero());
}
