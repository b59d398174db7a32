#include "fs/rate_limiter.hpp"

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "base/error.hpp"

using namespace syncline;
using namespace syncline::fs;
using namespace std::chrono_literals;

TEST_CASE("without a rate nothing waits") {
    RateLimiter limiter;
    limiter.take(UINT64_MAX, {});
    limiter.take(UINT64_MAX, {});
}

TEST_CASE("what several threads take is never faster than the rate") {
    RateLimiter limiter;
    limiter.set_rate(10'000'000);
    auto started = std::chrono::steady_clock::now();
    auto take = [&] {
        for (int i = 0; i < 5; ++i) limiter.take(100'000, {});  // 10 ms each
    };
    std::thread other(take);
    take();
    other.join();
    CHECK(std::chrono::steady_clock::now() - started >= 45ms);  // 100 ms of takes, less the burst
}

TEST_CASE("a stop and a new rate end a wait") {
    RateLimiter limiter;
    limiter.set_rate(1);
    std::stop_source stop;
    std::thread stopper([&] { stop.request_stop(); });
    CHECK_THROWS_AS(limiter.take(1'000'000, stop.get_token()), Cancelled);
    stopper.join();
    std::thread opener([&] { limiter.set_rate(std::nullopt); });
    limiter.take(1'000'000, {});
    opener.join();
}
