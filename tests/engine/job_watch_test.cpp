// JobWatch against a watcher that does what the test says, on a manual clock.
#include "engine/job_watch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include "fake_engine.hpp"

namespace syncline {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What the watchers of a test have in common, the present one and those to come.
struct Kernel {
    Event* happening = nullptr;
    ChangeSet changes;
    bool broken = false, overflow = false, limits = false, proves = true;
    int made = 0;

    void change(const std::string& path) {
        changes.add(path);
        happening->notify();
    }
    void write(const std::string& path) {
        changes.add_open(path);
        happening->notify();
    }
    void remove(const std::string& path) {
        changes.add_gone(path);
        happening->notify();
    }
    void lose_events() {
        broken = overflow = true;
        happening->notify();
    }
};

class FakeWatch final : public SourceWatch {
  public:
    FakeWatch(Kernel& kernel, const asio::any_io_executor& executor) : kernel_(kernel), event_(executor) {
        ++kernel_.made;
        kernel_.happening = &event_;
    }
    Task<void> start() override {
        kernel_.broken = kernel_.limits;
        kernel_.overflow = false;
        co_return;
    }
    Task<void> happened() override { return event_.wait(); }
    Task<bool> prove() override { co_return kernel_.proves; }
    ChangeSet take() override { return std::exchange(kernel_.changes, {}); }
    size_t pending() override { return kernel_.changes.size(); }
    bool is_broken() override { return kernel_.broken; }
    bool has_overflowed() override { return kernel_.overflow; }
    bool wants_patience() override { return kernel_.limits; }
    bool is_root_gone() override { return false; }
    std::string trouble() override { return kernel_.limits ? "no watch left" : ""; }

  private:
    Kernel& kernel_;
    Event event_;
};

/// A job that is watched: `due` counts how often it was to run.
class Watched {
  public:
    TestLoop loop;
    ManualClock clock{1'700'000'000'000'000'000};
    Kernel kernel;
    int due = 0;
    std::vector<std::string> warnings;
    std::shared_ptr<JobWatch> watch;

    explicit Watched(bool has_interval = true, SymlinkPolicy symlinks = SymlinkPolicy::copy) {
        Job job = make_job("live");
        job.policy.symlinks = symlinks;
        if (has_interval) job.interval = std::chrono::hours(1);
        loop.start(begin(job));
        loop.settle();
    }
    ~Watched() {
        watch->stop();
        loop.settle();
    }
    void pass(Duration duration) {
        clock.advance(duration);
        loop.settle();
    }
    void change(const std::string& path) {
        kernel.change(path);
        loop.settle();
    }
    void write(const std::string& path) {
        kernel.write(path);
        loop.settle();
    }
    /// A run that could not do `failed`.
    RunOptions run_without(std::vector<std::string> failed) {
        failed_ = std::move(failed);
        RunOptions options = run(Outcome::partial);
        failed_.clear();
        return options;
    }
    RunOptions run(Outcome outcome = Outcome::success, bool whole = false) {
        RunOptions options;
        asio::co_spawn(loop.context, watch->begin_run(options, whole), [](std::exception_ptr) {});
        loop.settle();
        RunReport report;
        report.outcome = outcome;
        for (const std::string& path : failed_) report.problems.push_back({path, "why"});
        watch->end_run(report, false);
        loop.settle();
        return options;
    }

  private:
    std::vector<std::string> failed_;

    Task<void> begin(Job job) {
        auto executor = co_await asio::this_coro::executor;
        auto make = [this, executor](const Job&) { return std::make_unique<FakeWatch>(kernel, executor); };
        JobWatch::Calls calls;
        calls.due = [this] { ++due; };
        calls.tell = [](const WatchState&) {};
        calls.warn = [this](const std::string& text) { warnings.push_back(text); };
        watch = std::make_shared<JobWatch>(executor, job, make, clock, std::move(calls));
        auto serving = JobWatch::serve(watch);
        co_await std::move(serving);
    }
};

using Paths = std::vector<std::string>;

TEST_CASE("First everything is looked at, then what changes once the tree is quiet") {
    Watched job;
    CHECK(job.due == 1);
    CHECK(job.watch->state().active);
    CHECK_FALSE(job.run().follows_watch);
    job.change("a");
    job.pass(milliseconds(40));
    job.change("b/c");
    job.pass(milliseconds(40));
    CHECK(job.due == 1);
    job.pass(milliseconds(20));
    CHECK(job.due == 2);
    RunOptions options = job.run();
    CHECK(options.follows_watch);
    CHECK(options.watch != nullptr);
    CHECK(options.paths == Paths{"a", "b/c"});
}

TEST_CASE("What was seen to go stays known until events are lost") {
    Watched job;
    job.run();
    job.kernel.remove("d");
    job.pass(milliseconds(60));
    CHECK(job.run(Outcome::failed).gone.contains("d/x"));
    job.change("a");
    RunOptions whole = job.run(Outcome::success, true);
    CHECK((whole.gone.contains("d") && !whole.gone.contains("a")));
    job.kernel.lose_events();
    job.loop.settle();
    job.pass(seconds(1));
    CHECK_FALSE(job.run().gone.contains("d"));
}

TEST_CASE("What a run beside the schedule was told of stays due") {
    Watched job;
    job.run();
    job.kernel.remove("gone");
    job.loop.settle();
    RunOptions beside;
    asio::co_spawn(job.loop.context, job.watch->witness(beside), [](std::exception_ptr, const auto&) {});
    job.loop.settle();
    CHECK((beside.watch != nullptr && beside.gone.contains("gone") && beside.paths.empty()));
    job.pass(milliseconds(60));
    CHECK(job.due == 2);
    CHECK(job.run().paths == Paths{"gone"});
}

TEST_CASE("A tree that is never quiet is not waited for longer than a second") {
    Watched job;
    job.run();
    for (int i = 0; i < 30 && job.due == 1; ++i) {
        job.change(std::to_string(i));
        job.pass(milliseconds(40));
    }
    CHECK(job.due == 2);
    CHECK(job.run().paths.size() >= 20);
}

TEST_CASE("A run that nobody's change asked for looks at everything") {
    Watched job;
    job.run();
    CHECK_FALSE(job.run().follows_watch);
    job.change("a");
    CHECK_FALSE(job.run(Outcome::success, true).follows_watch);
}

TEST_CASE("After a failure, and without a proof, everything is looked at") {
    Watched job;
    job.run();
    job.change("a");
    SECTION("failed") { job.run(Outcome::failed); }
    SECTION("halted") { job.run(Outcome::halted); }
    SECTION("unproven") { job.kernel.proves = false; }
    job.change("b");
    CHECK_FALSE(job.run().follows_watch);
}

TEST_CASE("What could not be done comes back later, and does not hold up the rest") {
    Watched job;
    job.run();
    job.change("stuck");
    job.pass(milliseconds(60));
    job.run_without({"stuck"});
    CHECK(job.watch->state().parked.size() == 1);
    job.change("other");
    job.pass(milliseconds(60));
    CHECK(job.run().paths == Paths{"other"});
    CHECK(job.watch->parked().at(0).path == "stuck");
    int due = job.due;
    job.pass(seconds(6));
    CHECK(job.due == due + 1);
    CHECK(job.run_without({"stuck"}).paths == Paths{"stuck"});
    job.pass(seconds(6));
    CHECK(job.due == due + 1);  // longer and longer
    job.pass(seconds(6));
    CHECK(job.due == due + 2);
    job.run();
    CHECK(job.watch->state().parked.empty());
}

TEST_CASE("Of a run that looked at everything only what failed comes back") {
    Watched job;
    job.run_without({"d/bad", "/mnt/target"});
    job.pass(seconds(6));
    CHECK_FALSE(job.run_without({"d/bad"}).follows_watch);  // what has no path in the tree is everything
    job.pass(seconds(6));
    job.pass(seconds(6));
    CHECK(job.run().paths == Paths{"d/bad"});
}

TEST_CASE("A file that is still written to is looked at when it is still, and at its close") {
    Watched job;
    job.run();
    for (int i = 0; i < 20; ++i) {
        job.write("big");
        job.pass(milliseconds(100));
    }
    CHECK(job.due == 1);
    CHECK(job.watch->state().pending == 1);
    SECTION("still") {
        job.pass(milliseconds(500));
        CHECK(job.due == 2);
    }
    SECTION("closed") {
        job.kernel.changes.add_closed("big");
        job.kernel.happening->notify();
        job.loop.settle();
        job.pass(milliseconds(60));
        CHECK(job.due == 2);
    }
    SECTION("never") {
        for (int i = 0; i < 40 && job.due == 1; ++i) {
            job.write("big");
            job.pass(milliseconds(100));
        }
        CHECK(job.due == 2);
    }
    SECTION("somebody waits for it") { job.watch->hurry(); }
    CHECK(job.run().paths == Paths{"big"});
    job.pass(seconds(1));
    CHECK(job.watch->state().pending == 0);
}

TEST_CASE("A log that is written to delays nothing else") {
    Watched job;
    job.run();
    job.write("log");
    job.change("saved");
    for (int i = 0; i < 6; ++i) {
        job.pass(milliseconds(10));
        job.write("log");
    }
    CHECK(job.due == 2);
    CHECK(job.run().paths == Paths{"saved"});
}

TEST_CASE("What was closed is read whatever its stamp says, however the run came about") {
    Watched job;
    job.run();
    job.kernel.changes.add_closed("mapped");
    job.kernel.changes.add_inode(7);
    job.kernel.happening->notify();
    job.loop.settle();
    job.pass(milliseconds(60));
    SECTION("alone") {
        RunOptions options = job.run();
        CHECK(options.unproven == Paths{"mapped"});
        CHECK(options.inodes == std::vector<uint64_t>{7});
    }
    SECTION("after a failure") {
        job.run(Outcome::failed);
        CHECK(job.run().unproven == Paths{"mapped"});
    }
}

TEST_CASE("After lost events a new watcher stands before everything is looked at") {
    Watched job;
    job.run();
    job.kernel.lose_events();
    job.loop.settle();
    CHECK_FALSE(job.watch->state().active);
    CHECK(job.watch->state().overflowed);
    job.pass(milliseconds(200));
    CHECK(job.watch->state().trouble.find("nothing is deleted") != std::string::npos);
    CHECK(job.kernel.made == 2);
    CHECK(job.due == 2);
    CHECK(job.watch->state().active);
    CHECK_FALSE(job.run().follows_watch);
    CHECK_FALSE(job.watch->state().overflowed);
    CHECK(job.watch->state().trouble.empty());
}

TEST_CASE("Where no watcher can be had the job lives by its interval") {
    bool has_interval = GENERATE(true, false);
    Watched job(has_interval);
    job.run();
    job.kernel.limits = true;
    job.kernel.lose_events();
    job.loop.settle();
    CHECK(job.due == 2);
    CHECK(job.warnings.size() == 1);
    CHECK(job.warnings.at(0).find("no watch left") != std::string::npos);
    const char* instead = has_interval ? "the job runs by its interval" : "the job runs every minute";
    CHECK(job.watch->state().trouble.find(instead) != std::string::npos);
    CHECK(job.run().watch == nullptr);
    job.pass(seconds(61));
    CHECK(job.due == (has_interval ? 2 : 3));
    CHECK(job.warnings.size() == 1);
    job.kernel.limits = false;
    job.pass(seconds(61));
    CHECK(job.watch->state().active);
    CHECK(job.watch->state().trouble.empty());
}

TEST_CASE("What lies behind followed symlinks is looked at by every run, and every minute") {
    bool has_interval = GENERATE(true, false);
    Watched job(has_interval, SymlinkPolicy::follow);
    job.run();
    CHECK(job.watch->state().active);
    const char* how_often = has_interval ? "by its interval" : "every minute";
    CHECK(job.watch->state().trouble.find(how_often) != std::string::npos);
    job.change("a");
    job.pass(milliseconds(60));
    CHECK(job.due == 2);
    CHECK_FALSE(job.run().follows_watch);
    job.pass(seconds(61));
    CHECK(job.due == (has_interval ? 2 : 3));
}

}  // namespace
}  // namespace syncline
