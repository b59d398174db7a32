#include "engine/reload.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <functional>

#include "fake_engine.hpp"

using namespace syncline;
using namespace std::chrono_literals;
using Names = std::vector<std::string>;

TEST_CASE("lines and origins may change without a change of the job") {
    Job before = make_job("a");
    std::string why;
    before.filter.exclude.push_back({*Glob::compile("*.log", why), "", "jobs.toml:3"});
    Job after = before;
    after.line = 7;
    after.written["root"] = {8, 1};
    after.filter.exclude[0].origin = "jobs.toml:9";
    CHECK(compare_jobs({before}, {after}).empty());
    CHECK(describe(compare_jobs({before}, {after})) == "no job changed");
}

TEST_CASE("another place is a move, anything else an edit") {
    Job before = make_job("a");
    std::vector<std::function<void(Job&)>> moves{[](Job& job) { job.root = "/elsewhere"; },
                                                 [](Job& job) { job.remote.path = "/elsewhere"; },
                                                 [](Job& job) { job.policy.direction = Direction::pull; }};
    for (auto& change : moves) {
        Job after = before;
        change(after);
        CHECK(compare_jobs({before}, {after}).moved == Names{"a"});
        CHECK(compare_jobs({before}, {after}).edited.empty());
    }
    std::string why;
    std::vector<std::function<void(Job&)>> edits{
        [](Job& job) { job.interval = 5s; },
        [](Job& job) { job.at.push_back({1, 12, 30}); },
        [](Job& job) { job.jitter = 5s; },
        [](Job& job) { job.timeout = 5s; },
        [](Job& job) { job.on_start = false; },
        [](Job& job) { job.policy.delete_policy = DeletePolicy::never; },
        [](Job& job) { job.policy.max_delete.limit = 3; },
        [](Job& job) { job.policy.umask = 022; },
        [](Job& job) { job.ignore_files.clear(); },
        [](Job& job) { job.mountpoint = "/mnt"; },
        [](Job& job) { job.fsync = false; },
        [](Job& job) { job.clean.emplace(); },
        [](Job& job) { job.filter.include_git = true; },
        [&](Job& job) { job.filter.exclude.push_back({*Glob::compile("*.o", why), "", ""}); }};
    for (auto& change : edits) {
        Job after = before;
        change(after);
        CHECK(compare_jobs({before}, {after}).edited == Names{"a"});
    }
}

TEST_CASE("jobs come, go and change their order") {
    auto changes =
        compare_jobs({make_job("a"), make_job("b"), make_job("c")}, {make_job("c"), make_job("d"), make_job("a")});
    CHECK(changes.added == Names{"d"});
    CHECK(changes.removed == Names{"b"});
    CHECK(describe(changes) == "added d; removed b");

    std::vector<Job> many;
    for (int i = 0; i < 30; ++i) many.push_back(make_job("j" + std::to_string(i)));
    CHECK(describe(compare_jobs({}, many)) == "added j0, j1, j2, j3, j4, j5, j6, j7 and 22 more");
}
