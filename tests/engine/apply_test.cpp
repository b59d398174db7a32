#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>

#include "fake_engine.hpp"
#include "state/lock.hpp"

using namespace syncline;
using namespace std::chrono_literals;
using Log = std::vector<std::string>;

namespace {

constexpr auto stopped = ": stopped before its end; the next run goes on from here";

/// Stops a running engine as a signal would, and lets it end.
void stop(FakeEngine& engine) {
    engine.loop.cancel();
    engine.loop.context.restart();
    engine.loop.finish();
}

}  // namespace

TEST_CASE("jobs start, end and start again when their interval is over") {
    FakeEngine engine;
    engine.file.jobs = {every("a", 60s), make_job("b")};
    engine.start();
    CHECK(engine.news() == Log{"start a", "start b"});
    engine.end("a");
    engine.end("b");
    CHECK(engine.news() == Log{"success a", "success b"});
    CHECK(engine.next_start == engine.clock.wall_now() + 60'000'000'000);
    engine.pass(59s);
    CHECK(engine.news().empty());
    engine.pass(1s);
    CHECK(engine.news() == Log{"start a"});
    stop(engine);
    CHECK(engine.status == 0);
}

TEST_CASE("stopping cancels the runs, waits for them and reports them") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a"), make_job("b")};
    engine.start();
    engine.end("b");
    engine.news();
    stop(engine);
    CHECK(engine.news() == Log{std::string("cancelled a") + stopped});
    CHECK(engine.status == 0);
    CHECK_FALSE(engine.is_running("a"));
}

TEST_CASE("no more than max_parallel_jobs run at once, in service and once") {
    for (bool once : {false, true}) {
        FakeEngine engine;
        engine.file.engine.max_parallel_jobs = 2;
        for (auto name : {"a", "b", "c", "d", "e"}) engine.file.jobs.push_back(make_job(name));
        engine.start(once);
        for (auto name : {"a", "b", "c", "d", "e"}) engine.end(name);
        CHECK(engine.most_at_once == 2);
        if (!once) stop(engine);
        CHECK(engine.status == 0);
    }
}

TEST_CASE("each job once: the worst status is reported, nothing is tried again") {
    struct Case {
        Outcome a, b;
        int status;
    };
    for (auto [a, b, status] :
         {Case{Outcome::success, Outcome::success, 0}, Case{Outcome::partial, Outcome::success, 4},
          Case{Outcome::partial, Outcome::halted, 3}, Case{Outcome::halted, Outcome::failed, 1},
          Case{Outcome::failed, Outcome::partial, 1}}) {
        FakeEngine engine;
        engine.file.jobs = {make_job("a"), every("b", 1s)};
        engine.start(true);
        engine.end("a", a);
        engine.end("b", b);
        CHECK(engine.loop.ended());
        CHECK(engine.status == status);
    }
}

TEST_CASE("once, a locked job is status 5 unless something worse happens") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a"), make_job("b")};
    engine.lock("a");
    engine.start(true);
    CHECK(engine.news() == Log{"start a", "start b", "locked a"});
    engine.end("b", Outcome::partial);
    CHECK(engine.status == 5);
}

TEST_CASE("once, a stop is status 1, and what has not begun does not begin") {
    FakeEngine engine;
    engine.file.engine.max_parallel_jobs = 1;
    engine.file.jobs = {make_job("a"), make_job("b")};
    engine.start(true);
    stop(engine);
    CHECK(engine.status == 1);
    CHECK(engine.news() == Log{"start a", std::string("cancelled a") + stopped});
}

TEST_CASE("only the jobs that were named run, after an edit too") {
    FakeEngine engine;
    engine.options.only_jobs = {"b"};
    engine.file.jobs = {make_job("a"), make_job("b")};
    engine.start();
    CHECK(engine.news() == Log{"start b"});
    engine.edit({make_job("a"), make_job("b"), make_job("c")});
    CHECK(engine.news() == Log{"no job changed"});
    stop(engine);
}

TEST_CASE("adopt is for the first run of each job only") {
    FakeEngine engine;
    engine.options.adopt = true;
    engine.file.jobs = {every("a", 60s)};
    engine.start();
    CHECK(engine.news() == Log{"start a", "adopting a"});
    engine.end("a");
    engine.pass(60s);
    CHECK(engine.news() == Log{"success a", "start a"});
    engine.edit({every("a", 60s), make_job("b")});
    CHECK(engine.news() == Log{"added b", "start b"});
    stop(engine);
}

TEST_CASE("a run past its timeout is stopped and reported as failed; then it is tried again") {
    FakeEngine engine;
    Job job = every("a", 24h);
    job.timeout = 1h;
    engine.file.jobs = {job};
    engine.start();
    engine.pass(1h - 1s);
    CHECK(engine.is_running("a"));
    engine.news();
    engine.pass(1s);
    auto news = engine.news();
    REQUIRE(news.size() == 1);
    CHECK_THAT(news[0], Catch::Matchers::StartsWith("failed a: timed out after 1 h 0 min"));
    engine.pass(1min);
    CHECK(engine.news() == Log{"start a"});
    stop(engine);
}

TEST_CASE("a run whose connection was lost goes on by itself; one that never had any ends at once") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a"), make_job("b")};
    engine.start(true);
    engine.end("a", Outcome::failed, Errc::unreachable);
    CHECK(engine.news() == Log{"start a", "start b", "failed a"});
    engine.end("b", Outcome::failed, Errc::lost);
    CHECK(engine.news().empty());
    for (Errc again : {Errc::unreachable, Errc::lost, Errc::unreachable}) {
        engine.pass(30s);
        REQUIRE(engine.is_running("b"));
        engine.end("b", Outcome::failed, again);
    }
    engine.pass(30s);
    engine.end("b");
    CHECK(engine.news() == Log{"success b"});
    CHECK(engine.status == 1);
}

TEST_CASE("a connection that is lost again and again ends the run") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a")};
    engine.start(true);
    int attempts = 0;
    for (; engine.is_running("a") && attempts < 20; ++attempts) {
        engine.end("a", Outcome::failed, Errc::lost);
        engine.pass(30s);
    }
    CHECK(attempts == 6);
    CHECK(engine.news() == Log{"start a", "failed a"});
}

TEST_CASE("a failed run is tried again before its interval is over, a halted one is not") {
    FakeEngine engine;
    engine.file.jobs = {every("a", 24h), every("b", 24h)};
    engine.start();
    engine.end("a", Outcome::failed);
    engine.end("b", Outcome::halted);
    engine.news();
    engine.pass(10min);
    CHECK(engine.news() == Log{"start a"});
    stop(engine);
}

TEST_CASE("a job that another process runs is tried again soon") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a")};
    engine.lock("a");
    engine.start();
    CHECK(engine.news() == Log{"start a", "locked a"});
    engine.lock("");
    engine.pass(10min);
    CHECK(engine.news() == Log{"start a"});
    stop(engine);
}

TEST_CASE("an edit adds, changes and removes jobs; who is not concerned goes on") {
    FakeEngine engine;
    Job photos = every("photos", 1h);
    engine.file.jobs = {every("thesis", 1h), photos, every("old", 1h)};
    engine.start();
    engine.end("thesis");
    engine.news();
    photos.ignore_files.clear();
    engine.edit({every("thesis", 1h), photos, make_job("fresh")});
    CHECK(engine.news() == Log{"added fresh; edited photos; removed old",
                               "cancelled old: stopped: the job was removed from the job file", "start fresh"});
    CHECK(engine.is_running("photos"));
    engine.end("photos");
    CHECK(engine.news() == Log{"success photos", "start photos"});
    engine.end("photos");
    engine.end("fresh");
    engine.news();
    engine.pass(1h);
    CHECK(engine.news() == Log{"start photos", "start thesis"});
    stop(engine);
}

TEST_CASE("a job with another destination stops and begins there") {
    FakeEngine engine;
    Job job = every("a", 1h);
    engine.file.jobs = {job};
    engine.start();
    engine.news();
    job.remote.path = "/mnt/elsewhere";
    engine.edit({job});
    CHECK(engine.news() == Log{"moved a", "cancelled a: stopped: the job's root or destination was edited", "start a"});
    stop(engine);
}

TEST_CASE("an invalid edit changes nothing, the same content neither, and every hangup is answered") {
    FakeEngine engine;
    engine.file.jobs = {every("a", 1h)};
    engine.start();
    engine.news();
    engine.hang_up();
    CHECK(engine.news() == Log{"no job changed"});
    engine.next_load = {};
    engine.next_load.errors.push_back({"jobs.toml", 3, 1, "unknown key 'exlude'"});
    engine.hang_up();
    engine.hang_up();
    CHECK(engine.news() == Log{"invalid: unknown key 'exlude'", "invalid: unknown key 'exlude'"});
    CHECK(engine.is_running("a"));
    engine.end("a");
    engine.pass(1h);
    CHECK(engine.news() == Log{"success a", "start a"});
    stop(engine);
}

TEST_CASE("max_parallel_jobs can be edited while jobs wait") {
    FakeEngine engine;
    engine.file.engine.max_parallel_jobs = 1;
    engine.file.jobs = {make_job("a"), make_job("b"), make_job("c")};
    engine.start();
    CHECK(engine.news() == Log{"start a"});
    engine.file.engine.max_parallel_jobs = 3;
    engine.edit(engine.file.jobs);
    CHECK(engine.news() == Log{"no job changed", "start b", "start c"});
    stop(engine);
}

TEST_CASE("a second engine for the same job file is refused by name") {
    FakeEngine engine;
    engine.file.jobs = {make_job("a")};
    std::string holder;
    auto lock = FileLock::try_acquire(engine_lock_path(engine.directory.path() + "/state", engine.file.path), holder);
    REQUIRE(lock);
    engine.start();
    CHECK_THROWS_WITH(engine.loop.finish(), Catch::Matchers::ContainsSubstring("pid " + std::to_string(::getpid())));
}

TEST_CASE("a suspend gives each job one run") {
    FakeEngine engine;
    engine.file.jobs = {every("a", 60s)};
    engine.start();
    engine.end("a");
    engine.news();
    engine.pass(8h);
    engine.end("a");
    engine.pass(1s);
    CHECK(engine.news() == Log{"start a", "success a"});
    stop(engine);
}

TEST_CASE("a hundred idle jobs sleep until the first is due") {
    FakeEngine engine;
    engine.file.engine.max_parallel_jobs = 100;
    for (int i = 0; i < 100; ++i) engine.file.jobs.push_back(every("job" + std::to_string(i), 1h));
    engine.start();
    for (int i = 0; i < 100; ++i) engine.end("job" + std::to_string(i));
    CHECK(engine.clock.next_deadline() == engine.clock.steady_now() + 3600LL * 1'000'000'000);
    CHECK(engine.loop.context.poll() == 0);
    stop(engine);
}
