// Runs that look only at some paths.
#include <catch2/catch_test_macros.hpp>

#include "core/change_set.hpp"
#include "run_fixture.hpp"

namespace syncline::test {
namespace {

/// A watcher that has always told of everything, or never.
class FakeWatch final : public SourceWatch {
  public:
    bool proves = true;
    Task<void> start() override { co_return; }
    Task<void> happened() override { co_return; }
    Task<bool> prove() override { co_return proves; }
    ChangeSet take() override { return {}; }
    size_t pending() override { return 0; }
    bool is_broken() override { return false; }
    bool has_overflowed() override { return false; }
    bool wants_patience() override { return false; }
    bool is_root_gone() override { return false; }
    std::string trouble() override { return ""; }
};

class Scoped : public RunFixture {
  public:
    FakeWatch watch;

    Scoped() {
        for (const char* path : {"root/a/b/1", "root/a/b/2", "root/a/c/3", "root/d/4", "root/5"}) write(path, path);
        REQUIRE(run().outcome == Outcome::success);
    }
    RunReport follow(std::vector<std::string> paths) {
        RunOptions options;
        options.paths = std::move(paths);
        options.follows_watch = true;
        options.watch = &watch;
        return run(std::move(options));
    }
    bool is_in_step() const { return snapshot("root") == snapshot("target"); }
};

TEST_CASE("A run of some paths looks at no others") {
    Scoped job;
    job.write("root/a/b/1", "changed", 50);
    job.write("target/d/4", "changed over there", 50);
    RunReport report = job.follow({"a/b/1", "nowhere", "nor/here"});
    CHECK(report.outcome == Outcome::success);
    CHECK(report.done.put == 1);
    CHECK(report.scanned == 6);  // two directories and a file on each side
    CHECK(job.read("target/a/b/1") == "changed");
    CHECK(job.read("target/d/4") == "changed over there");
    CHECK(job.run().done.put == 1);
    CHECK(job.is_in_step());
}

TEST_CASE("What came, went and moved is brought over, directories whole") {
    Scoped job;
    job.write("root/new/x/y", "1");
    job.remove("root/a/b");
    job.remove("root/5");
    job.write("root/d2/4", "moved");
    job.remove("root/d");
    RunReport report = job.follow({"new", "a/b", "5", "d", "d2"});
    CHECK(report.outcome == Outcome::success);
    CHECK(job.is_in_step());
    CHECK(job.run().planned.put == 0);
    // What it forgot and what it learnt is in the baseline as if everything had been looked at.
    CHECK(job.store()
              .load_baseline(job.store().pair(
                  {job.endpoints().open({Destination::Type::local, "", job.job.root}, false)->root_text(),
                   job.endpoints().open(job.job.remote, false)->identity_text(), Direction::push}))
              .size() == 8);
}

TEST_CASE("A directory that became a file, and the other way round") {
    Scoped job;
    job.remove("root/d");
    job.write("root/d", "a file now");
    job.remove("root/5");
    job.write("root/5/x", "a directory now");
    CHECK(job.follow({"d", "5"}).outcome == Outcome::success);
    CHECK(job.is_in_step());
}

TEST_CASE("Deletes of some paths are held to the guards of the whole tree") {
    Scoped job;
    for (int i = 0; i < 40; ++i) job.write("root/many/" + std::to_string(i), "x");
    REQUIRE(job.run().outcome == Outcome::success);

    SECTION("a share of all files, not of those that are looked at") {
        for (int i = 0; i < 15; ++i) job.remove("root/many/" + std::to_string(i));
        CHECK(job.follow({"many"}).outcome == Outcome::success);
        // Those of the last ten minutes count.
        for (int i = 15; i < 40; ++i) job.remove("root/many/" + std::to_string(i));
        CHECK(codes(job.follow({"many"})) == "max-delete");
    }
    SECTION("an emptied root") {
        job.remove("root");
        job.tree().make_directory("root");
        CHECK(codes(job.follow({"a", "5"})).find("root-") != std::string::npos);
        CHECK(job.exists("target/5"));
    }
    SECTION("a root that is emptied in its place") {
        for (const char* name : {"a", "d", "5", "many"}) job.remove(std::string("root/") + name);
        CHECK(codes(job.follow({"5"})) == "root-emptied");
        CHECK(job.exists("target/5"));
        job.write("root/left", "one file");
        CHECK(job.follow({"5", "left"}).outcome == Outcome::success);
        CHECK_FALSE(job.exists("target/5"));
    }
}

TEST_CASE("Without a proof that the watcher told of everything, nothing is deleted") {
    Scoped job;
    job.watch.proves = false;
    job.remove("root/5");
    job.write("root/new", "1");
    RunReport report = job.follow({"5", "new"});
    CHECK(report.outcome == Outcome::partial);
    CHECK(report.problems.at(0).path == "5");
    CHECK(job.exists("target/5"));
    CHECK(job.exists("target/new"));
}

TEST_CASE("A target that is gone is built whole") {
    Scoped job;
    job.remove("target");
    job.follow({"5"});
    CHECK(job.is_in_step());
}

TEST_CASE("A part that was never recorded as a whole sync deletes nothing") {
    RunFixture job;
    job.write("root/a", "1");
    job.write("target/b", "2");
    RunOptions options;
    options.paths = {"a", "b"};
    CHECK(codes(job.run(options)) == "no-baseline");
}

TEST_CASE("The baseline of a part is that of the whole, as far as it goes") {
    RunFixture job;
    std::vector<std::string> names{"a", "a-", "a/b", "a/b/c", "a/bc", "a/b\x01", "a0", "b", "b/c/d/e", "b/c/d/f", "c"};
    Store& store = job.store();
    PairId pair = store.pair({"/r", "local:/t", Direction::push});
    std::vector<BaselineChange> rows;
    for (const std::string& name : names) rows.push_back({name, {}, ""});
    store.update_baseline(pair, rows, {});
    auto part = [&](std::vector<std::string> scope) {
        Baseline baseline = store.load_baseline(pair, outermost_paths(std::move(scope)));
        std::vector<std::string> found;
        for (const BaselineEntry& entry : baseline.entries()) found.emplace_back(baseline.path(entry));
        return found;
    };
    using Names = std::vector<std::string>;
    CHECK(part({"a/b"}) == Names{"a", "a/b", "a/b/c"});
    CHECK(part({"a/b/c", "a/bc"}) == Names{"a", "a/b", "a/b/c", "a/bc"});
    CHECK(part({"b/c/d/e", "b/c/d/f", "c", "nothing"}) == Names{"b", "b/c/d/e", "b/c/d/f", "c"});
    CHECK(part({"a"}) == Names{"a", "a/b", "a/b/c", "a/b\x01", "a/bc"});
}

}  // namespace
}  // namespace syncline::test
