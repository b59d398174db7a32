// A use that lasts, on a manual clock: the state hears of it every hour.
#include "engine/remote_use.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fake_engine.hpp"

namespace syncline {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr TimeNs start = TimeNs{1'700'000'000} * 1'000'000'000;
constexpr TimeNs hour = TimeNs{3600} * 1'000'000'000;

Task<void> wait_until(Event& end) { co_await end.wait(); }

}  // namespace

TEST_CASE("a use that lasts is recorded anew every hour, until its work ends") {
    TemporaryDirectory directory;
    Store store(directory.path());
    ProjectPlace place;
    place.host = "cse";
    place.path = "~/p/thesis-12345678-0badf00d";
    RemoteUse use(store, directory.path(), place, "/home/u/thesis", "thesis");
    ManualClock clock(start);
    TestLoop loop;
    Event end(loop.context.get_executor());
    loop.start(use.keep_while(wait_until(end), clock));
    auto after = [&](Duration duration) {
        loop.settle();
        clock.advance(duration);
        loop.settle();
        return store.remote_directories();
    };
    CHECK(after(minutes(59)).empty());
    auto uses = after(minutes(1));
    REQUIRE(uses.size() == 1);
    CHECK(uses[0].path == place.path);
    CHECK(uses[0].job == "thesis");
    CHECK(uses[0].last_used_at == start + hour);
    CHECK(after(minutes(59))[0].last_used_at == start + hour);
    CHECK(after(minutes(1))[0].last_used_at == start + 2 * hour);
    // After a suspend it is recorded at once, at the time that it is.
    CHECK(after(hours(30))[0].last_used_at == start + 32 * hour);
    // A wall clock that is set wakes the sleeper, and is no hour.
    clock.jump_wall(hours(-5));
    CHECK(after(minutes(30))[0].last_used_at == start + 32 * hour);
    CHECK(after(minutes(30))[0].last_used_at == start + 28 * hour);
    end.notify();
    loop.settle();
    CHECK(loop.ended());
    CHECK(after(hours(5))[0].last_used_at == start + 28 * hour);
}

}  // namespace syncline
