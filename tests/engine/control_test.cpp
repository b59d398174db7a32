// What may be asked of a running engine.
#include "engine/control.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fake_engine.hpp"

using namespace syncline;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

struct Asked : FakeEngine {
    explicit Asked(std::vector<Job> jobs) {
        file.jobs = std::move(jobs);
        start();
    }
    std::shared_ptr<AskedRun> push(const std::string& name, bool is_regular = true) {
        auto run = control->run_now(std::make_shared<const Job>(control->job(name)), {}, is_regular);
        loop.settle();
        return run;
    }
    /// Waits in the background; the exit status when it has ended, -1 before, -2 for an ending that is not there.
    std::shared_ptr<int> wait(const std::string& name) {
        auto result = std::make_shared<int>(-1);
        auto done = [result](std::exception_ptr failure, std::shared_ptr<const RunEnding> ending) {
            *result = failure ? -3 : ending ? exit_status(*ending) : -2;
        };
        asio::co_spawn(loop.context, control->wait(name), done);
        loop.settle();
        return result;
    }
    void end_engine() {
        loop.cancel();
        loop.settle();
        CHECK(status == 0);
    }
};

}  // namespace

TEST_CASE("a trigger runs a job once more, and a wait ends with what was asked for") {
    Asked engine({every("a", 1h)});
    auto first = engine.wait("a");
    engine.control->trigger("a");
    engine.loop.settle();
    auto second = engine.wait("a");
    CHECK(engine.control->view("a").generation == 1);
    engine.end("a");
    CHECK((*first == 0 && *second == -1));
    engine.end("a", Outcome::halted);
    CHECK(*second == 3);
    // Nothing is asked for now.
    CHECK(*engine.wait("a") == 3);
    CHECK(engine.news() == Lines{"start a", "success a", "start a", "halted a"});
    engine.end_engine();
}

TEST_CASE("a wait for a job that is removed ends") {
    Asked engine({every("a", 1h)});
    auto waiting = engine.wait("a");
    engine.edit({every("b", 1h)});
    CHECK(*waiting == -3);
    engine.end_engine();
}

TEST_CASE("a paused job ends its run and does not begin another until it is let go") {
    Asked engine({every("a", 1min)});
    engine.control->pause("a");
    engine.loop.settle();
    CHECK_FALSE(engine.is_running("a"));
    engine.pass(10min);
    CHECK_FALSE(engine.is_running("a"));
    CHECK_FALSE(engine.control->view("a").next_run_at);
    // Through an edit too; and nobody waits for it.
    engine.edit({every("a", 2min)});
    CHECK_FALSE(engine.is_running("a"));
    CHECK(*engine.wait("a") == 1);
    engine.control->resume("a");
    engine.loop.settle();
    CHECK(engine.is_running("a"));
    engine.end("a");
    engine.end_engine();
}

TEST_CASE("a run that is asked for waits for the one under way and stands for the next on schedule") {
    Asked engine({every("a", 1h)});
    auto asked = engine.push("a");
    CHECK_FALSE(asked->has_begun());
    engine.end("a");
    CHECK(asked->progress() != nullptr);
    engine.end("a", Outcome::partial);
    REQUIRE(asked->ending());
    CHECK(exit_status(*asked->ending()) == 4);
    engine.pass(59min);
    CHECK(engine.news() == Lines{"start a", "success a", "start a", "partial a"});
    engine.pass(2min);
    CHECK(engine.is_running("a"));
    engine.end("a");
    engine.end_engine();
}

TEST_CASE("a run of a part leaves the schedule as it is, and its failure too") {
    Asked engine({every("a", 1h)});
    engine.end("a");
    engine.pass(30min);
    auto asked = engine.push("a", false);
    engine.end("a", Outcome::failed);
    CHECK(exit_status(*asked->ending()) == 1);
    engine.pass(29min);
    CHECK_FALSE(engine.is_running("a"));
    engine.pass(2min);
    CHECK(engine.is_running("a"));
    engine.end("a");
    engine.end_engine();
}

TEST_CASE("a run that is asked for can be stopped before and after it began, alone") {
    Asked engine({every("a", 1h)});
    auto waiting = engine.push("a");
    engine.control->stop(waiting, "not wanted");
    engine.loop.settle();
    REQUIRE(waiting->ending());
    CHECK(waiting->ending()->report.error == "not wanted");
    CHECK(engine.is_running("a"));
    engine.end("a");
    auto running = engine.push("a");
    engine.control->stop(running, "not wanted");
    engine.loop.settle();
    CHECK(running->ending()->report.outcome == Outcome::cancelled);
    engine.end_engine();
}

TEST_CASE("the end can be asked for") {
    Asked engine({every("a", 1h)});
    engine.control->stop();
    engine.loop.settle();
    CHECK(engine.status == 0);
    CHECK(engine.news().back().starts_with("cancelled a"));
}

TEST_CASE("an edit holds through reloads until it is undone, and a wrong one changes nothing") {
    Asked engine({every("a", 1h)});
    engine.end("a");
    auto each_second = [](Job& job) { job.interval = 1s; };
    engine.control->edit("a", "auto", each_second);
    engine.edit({every("a", 2h), every("b", 1h)});
    CHECK(engine.control->job("a").interval == Duration(1s));
    auto wrong = [](Job&) { throw Error(Errc::usage, "no"); };
    CHECK_THROWS_AS(engine.control->edit("a", "auto", wrong), Error);
    CHECK(engine.control->job("a").interval == Duration(1s));
    engine.control->edit("a", "auto", nullptr);
    CHECK(engine.control->job("a").interval == Duration(2h));
    engine.end_engine();
}

TEST_CASE("a job that was left out at the start is taken on without a run, and begins nothing by itself") {
    Asked engine({});
    engine.end_engine();
    FakeEngine chosen;
    chosen.file.jobs = {every("a", 1h), every("b", 1h)};
    chosen.options.only_jobs = {"a"};
    chosen.start();
    CHECK_FALSE(chosen.control->has_job("b"));
    CHECK_FALSE(chosen.control->take_on("c"));
    CHECK(chosen.control->take_on("b"));
    chosen.loop.settle();
    CHECK((chosen.control->has_job("b") && !chosen.is_running("b")));
    CHECK_FALSE(chosen.control->view("b").next_run_at);
    chosen.control->let_go("b");
    CHECK(chosen.control->view("b").next_run_at);
    chosen.loop.cancel();
    chosen.loop.settle();
}
