#include "core/guards.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline;

namespace {

GuardFacts healthy() {
    GuardFacts facts;
    facts.command = "syncline push thesis";
    facts.source = {"/home/u/thesis", RootIdentity{"1:2", 10, Kind::directory},
                    RootIdentity{"1:2", 10, Kind::directory}};
    facts.target = {"/mnt/backup", RootIdentity{"3:4", 20, Kind::directory}, RootIdentity{"3:4", 20, Kind::directory}};
    facts.whole_sync_recorded = true;
    facts.baseline_size = 100;
    facts.selected_entries = 100;
    return facts;
}

Plan plan_with(uint64_t deletes, uint64_t target_files) {
    Plan plan;
    plan.deletes = plan.unrecorded_deletes = deletes;
    plan.target_files = target_files;
    return plan;
}

std::string codes(const std::vector<Halt>& halts) {
    std::string text;
    for (const Halt& halt : halts) text += (text.empty() ? "" : " ") + std::string(guard_code(halt.guard));
    return text;
}

Policy pull_policy() {
    Policy policy;
    policy.direction = Direction::pull;
    policy.pull = PullPolicy::mirror;
    return policy;
}

}  // namespace

TEST_CASE("a file system's UUID decides where both know it, else its id does") {
    RootIdentity old_record{"ext:1", 7, Kind::directory, 5};
    RootIdentity now{"ext:1", 7, Kind::directory, 5, "abcd"};
    CHECK(old_record == now);
    RootIdentity other_device{"ext:2", 7, Kind::directory, 5, "abcd"};
    CHECK(now == other_device);
    CHECK_FALSE(old_record == other_device);
    RootIdentity other{"ext:1", 7, Kind::directory, 5, "ffff"};
    CHECK_FALSE(now == other);
}

TEST_CASE("nothing halts a healthy run") { CHECK(judge_plan(healthy(), plan_with(10, 15), {}).empty()); }

TEST_CASE("a missing root halts; a pull calls it remote-missing; adopt does not help") {
    GuardFacts facts = healthy();
    facts.source.now.reset();
    Policy adopting;
    adopting.adopt = true;
    CHECK(codes(judge_roots(facts, {})) == "root-missing");
    CHECK(codes(judge_roots(facts, adopting)) == "root-missing");
    CHECK(codes(judge_roots(facts, pull_policy())) == "remote-missing");
}

TEST_CASE("without a job file no advice names a key of one") {
    GuardFacts facts = healthy();
    facts.whole_sync_recorded = false;
    Plan plan = plan_with(200, 210);
    for (bool has_no_job : {false, true}) {
        facts.has_no_job = has_no_job;
        facts.source.now.reset();
        std::string advice;
        for (const Policy& policy : {Policy{}, pull_policy()}) {
            for (const Halt& halt : judge_plan(facts, plan, policy)) advice += halt.resolve + "\n";
        }
        for (const char* key : {"delete = ", "pull = ", "max_delete", "`root`", "`remote`"})
            CHECK((advice.find(key) == std::string::npos) == has_no_job);
        for (const char* option : {"--never-delete", "--update", "--root"})
            CHECK((advice.find(option) != std::string::npos) == has_no_job);
    }
}

TEST_CASE("a root that was swapped halts until it is adopted") {
    for (RootIdentity other : {RootIdentity{"1:2", 11, Kind::directory}, RootIdentity{"9:9", 10, Kind::directory},
                               RootIdentity{"1:2", 10, Kind::symlink}, RootIdentity{"1:2", 10, Kind::directory, 99}}) {
        GuardFacts facts = healthy();
        facts.source.recorded->born = 98;
        facts.source.now = other;
        Policy policy;
        CHECK(codes(judge_roots(facts, policy)) == "root-changed");
        policy.adopt = true;
        CHECK(judge_roots(facts, policy).empty());
    }
    GuardFacts facts = healthy();
    facts.target.now = RootIdentity{"3:4", 21, Kind::directory};
    CHECK(codes(judge_roots(facts, {})) == "remote-changed");
    CHECK(codes(judge_roots(facts, pull_policy())) == "root-changed");
}

TEST_CASE("a root that became a file halts, adopted or not") {
    GuardFacts facts = healthy();
    facts.source.now->kind = Kind::file;
    Policy policy;
    policy.adopt = true;
    CHECK(codes(judge_roots(facts, policy)) == "root-changed");
    facts.source.recorded.reset();
    CHECK(codes(judge_roots(facts, policy)) == "root-missing");
}

TEST_CASE("an emptied selection halts when the baseline has two or more entries") {
    GuardFacts facts = healthy();
    facts.selected_entries = 0;
    CHECK(codes(judge_plan(facts, plan_with(0, 0), {})) == "root-emptied");
    facts.baseline_size = 1;
    CHECK(judge_plan(facts, plan_with(0, 0), {}).empty());
}

TEST_CASE("every code that applies is named, root-emptied first") {
    GuardFacts facts = healthy();
    facts.selected_entries = 0;
    facts.whole_sync_recorded = false;
    CHECK(codes(judge_plan(facts, plan_with(90, 100), {})) == "root-emptied no-baseline max-delete");
}

TEST_CASE("max_delete at its boundaries, for every count up to 40 of up to 60 files") {
    for (uint64_t limit : {1, 10, 50, 99, 100}) {
        for (uint64_t files = 0; files <= 60; ++files) {
            for (uint64_t deletes = 0; deletes <= std::min<uint64_t>(files, 40); ++deletes) {
                Policy policy;
                policy.max_delete = {limit, true};
                bool halted = !judge_plan(healthy(), plan_with(deletes, files), policy).empty();
                bool expected = deletes > 10 && deletes * 100 > files * limit;
                REQUIRE(halted == expected);
                policy.max_delete = {limit, false};
                REQUIRE(!judge_plan(healthy(), plan_with(deletes, files), policy).empty() == (deletes > limit));
            }
        }
    }
}

TEST_CASE("deletes of the last ten minutes count together") {
    GuardFacts facts = healthy();
    facts.recent_deletes = 45;
    CHECK(judge_plan(facts, plan_with(5, 55), {}).empty());
    CHECK(codes(judge_plan(facts, plan_with(6, 55), {})) == "max-delete");
    CHECK(judge_plan(facts, plan_with(0, 55), {}).empty());
}

TEST_CASE("a delete without a recorded whole sync halts, a put does not") {
    GuardFacts facts = healthy();
    facts.whole_sync_recorded = false;
    CHECK(codes(judge_plan(facts, plan_with(1, 5), {})) == "no-baseline");
    Plan recorded = plan_with(1, 5);
    recorded.unrecorded_deletes = 0;  // the path's own row is the evidence
    CHECK(judge_plan(facts, recorded, {}).empty());
    CHECK(judge_plan(facts, plan_with(0, 5), {}).empty());
    Policy adopting;
    adopting.adopt = true;
    CHECK(judge_plan(facts, plan_with(1, 5), adopting).empty());
}

TEST_CASE("a mirror onto an unsafe target halts, even when adopted; other policies may go there") {
    GuardFacts facts = healthy();
    facts.target_is_unsafe = true;
    Policy policy;
    policy.adopt = true;
    CHECK(codes(judge_roots(facts, policy)) == "unsafe-target");
    policy.delete_policy = DeletePolicy::never;
    CHECK(judge_roots(facts, policy).empty());
}

TEST_CASE("an unmounted mount point and an incomplete listing halt") {
    GuardFacts facts = healthy();
    facts.mountpoint = "/mnt/backup";
    facts.mountpoint_is_mounted = false;
    facts.target_listed_whole = false;
    CHECK(codes(judge_plan(facts, plan_with(0, 1), {})) == "unmounted incomplete-listing");
}

TEST_CASE("a halt names both ways out") {
    GuardFacts facts = healthy();
    facts.selected_entries = 0;
    Halt halt = judge_plan(facts, plan_with(0, 0), {}).front();
    CHECK(halt.detail.find("/home/u/thesis") != std::string::npos);
    CHECK(halt.resolve.find("bring the files back") != std::string::npos);
    CHECK(halt.resolve.find("syncline push thesis --adopt") != std::string::npos);
}
