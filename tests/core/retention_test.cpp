// Retention, in every small world: each decision against the rules as the contract says them, written down another way.
#include "core/retention.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/project_name.hpp"

namespace syncline {
namespace {

using std::chrono::hours;

constexpr TimeNs ns_per_hour = TimeNs{3600} * 1'000'000'000;
constexpr TimeNs here = 1'000'000 * ns_per_hour;
const std::string ours = "0badf00d";
const std::string mine = "thesis-12345678-0badf00d";
const std::string theirs = "thesis-12345678-deadbeef";

TimeNs ago(TimeNs now, int age_hours) { return now - age_hours * ns_per_hour; }

QuotaReport quota_at(int per_cent) {
    QuotaReport report;
    if (per_cent < 0) return report;
    report.state = QuotaReport::State::known;
    report.use = {"/dev/sda1", static_cast<uint64_t>(per_cent), 100};
    return report;
}

FoundDirectory directory(const std::string& name, TimeNs newest) {
    FoundDirectory found;
    found.name = name;
    found.is_directory = true;
    found.newest = newest;
    return found;
}

/// 10 days; from 80 % on 5 days, from 95 % on 1 hour, which the floor of a day lifts.
CleanPolicy policy() {
    CleanPolicy policy;
    policy.max_age = hours(240);
    policy.quota_thresholds = {{80, hours(120)}, {95, hours(1)}};
    return policy;
}

RetentionFacts facts_with(FoundDirectory found) {
    RetentionFacts facts;
    facts.client = ours;
    facts.found = {std::move(found)};
    facts.unclaimed = policy();
    facts.now = here;
    facts.server_now = here;
    return facts;
}

CleanDecision decide(const RetentionFacts& facts) { return decide_retention(facts).at(0); }

/// Hours that the policy above allows at so much of the quota; -1 is unknown.
int allowed_hours(int per_cent) { return per_cent >= 95 ? 24 : per_cent >= 80 ? 120 : 240; }

}  // namespace

TEST_CASE("every small world ends as the contract says") {
    constexpr int never = -1;
    for (CleanScope scope : {CleanScope::automatic, CleanScope::current, CleanScope::all, CleanScope::purge})
        for (const std::string& name : {mine, theirs, std::string("notes"), std::string("x-1234567-0badf00d")})
            for (int skew : {-1000, 0, 1000})  // hours that the server's clock is ahead
                for (int age :
                     {-5, 0, 23, 24, 25, 120, 121, 240, 241, 5000})  // of the newest entry, by the server's clock
                    for (int use : {never, -3, 0, 24, 25, 121, 241})
                        for (int per_cent : {-1, 0, 79, 80, 94, 95, 150})
                            for (int trouble : {0, 1, 2, 3, 4, 5})
                                for (bool knows_others : {false, true}) {
                                    const TimeNs server_now = here + skew * ns_per_hour;
                                    RetentionFacts facts = facts_with(directory(name, ago(server_now, age)));
                                    facts.server_now = server_now;
                                    facts.scope = scope;
                                    facts.quota = quota_at(per_cent);
                                    facts.chosen = {mine};
                                    if (use != never) facts.recorded.push_back({name, ago(here, use)});
                                    if (knows_others) facts.recorded.push_back({"other-12345678-0badf00d", here});
                                    FoundDirectory& found = facts.found[0];
                                    if (trouble == 1) found.is_directory = false;
                                    if (trouble == 2) found.is_busy = true;
                                    if (trouble == 3) found.holds_mount = true;
                                    if (trouble == 4) facts.in_use = {name};
                                    if (trouble == 5) found.cannot_be_read = true;

                                    const bool is_project = name == mine || name == theirs;
                                    const bool is_recorded = use != never;
                                    bool goes = is_project && (trouble == 0 || trouble == 5);
                                    if (scope == CleanScope::current) goes = goes && name == mine;
                                    if (scope == CleanScope::all) goes = goes && trouble != 5 && age > 24 && use > 24;
                                    if (scope == CleanScope::automatic) {
                                        const int limit = allowed_hours(per_cent);
                                        goes = goes && trouble != 5 &&
                                               (is_recorded || (name == mine && knows_others)) && age > limit &&
                                               (!is_recorded || use > limit);
                                    }
                                    const CleanDecision decision = decide(facts);
                                    if (decision.removes == goes) continue;
                                    CAPTURE(static_cast<int>(scope), name, skew, age, use, per_cent, trouble,
                                            knows_others);
                                    CHECK(decision.removes == goes);
                                }
}

TEST_CASE("the highest threshold that is reached wins, and is told") {
    RetentionFacts facts = facts_with(directory(mine, ago(here, 200)));
    facts.recorded = {{mine, ago(here, 200)}};
    facts.quota = quota_at(80);
    CHECK(describe(decide(facts), facts.quota) == "older than 5 d, as the quota is at 80 % (threshold 80 %)");
    // Even where it gives more time than a lower one.
    facts.unclaimed.quota_thresholds[90] = hours(300);
    facts.quota = quota_at(92);
    CHECK(decide(facts).reason == CleanReason::young);
    CHECK(decide(facts).threshold == 90);
    facts.unclaimed.quota_thresholds = {{0, hours(48)}};
    facts.quota = quota_at(0);
    CHECK(decide(facts).removes);
    facts.quota = quota_at(-1);
    CHECK_FALSE(decide(facts).removes);
    facts.quota.state = QuotaReport::State::none;
    CHECK_FALSE(decide(facts).removes);
}

TEST_CASE("the floor holds for all that was neither named nor confirmed") {
    RetentionFacts facts = facts_with(directory(mine, ago(here, 5000)));
    facts.recorded = {{mine, ago(here, 24)}};
    facts.scope = CleanScope::all;
    CHECK(decide(facts).reason == CleanReason::young);
    CHECK(describe(decide(facts), facts.quota) ==
          "used or changed within the last 1 d (min_age; --yes takes it all the same)");
    facts.is_confirmed = true;
    CHECK(decide(facts).removes);
    CHECK(decide(facts).limit == Duration{0});
    // It is no way around the floor of what goes by age.
    facts.scope = CleanScope::automatic;
    facts.unclaimed.max_age = hours(1);
    CHECK(decide(facts).reason == CleanReason::young);
    facts.scope = CleanScope::all;
    facts.is_confirmed = false;
    facts.recorded[0].last_used_at = ago(here, 25);
    CHECK(decide(facts).removes);
    CHECK(decide(facts).reason == CleanReason::asked);
    CHECK(decide(facts).limit == hours(24));
    // The most patient job that has it counts, and else the table for what no job has.
    facts.claims = {{mine, "a", policy()}, {mine, "b", policy()}};
    facts.claims[1].policy.min_age = hours(26);
    CHECK_FALSE(decide(facts).removes);
    facts.claims.clear();
    facts.unclaimed.min_age = hours(26);
    CHECK_FALSE(decide(facts).removes);
    facts.unclaimed.min_age = hours(1);
    CHECK(decide(facts).removes);
    facts.server_now.reset();
    CHECK(decide(facts).reason == CleanReason::no_clock);
    // Who names a directory means it, whatever its age.
    facts.recorded[0].last_used_at = here;
    facts.scope = CleanScope::current;
    facts.chosen = {mine};
    CHECK(decide(facts).removes);
    facts.scope = CleanScope::purge;
    CHECK(decide(facts).removes);
}

TEST_CASE("of several records the last use counts, and of several claims the most patient") {
    RetentionFacts facts = facts_with(directory(mine, ago(here, 5000)));
    facts.recorded = {{mine, ago(here, 5000)}, {mine, ago(here, 10)}, {mine, ago(here, 3000)}};
    CHECK(decide(facts).reason == CleanReason::young);
    facts.recorded.erase(facts.recorded.begin() + 1);
    CHECK(decide(facts).removes);
    CleanPolicy patient = policy();
    patient.max_age = hours(4000);
    facts.claims = {{mine, "a", policy()}, {mine, "b", patient}};
    CHECK_FALSE(decide(facts).removes);
    CHECK(decide(facts).job == "b");
    facts.claims[1].policy.automatic = false;
    facts.claims[1].policy.max_age = hours(1);
    CHECK(decide(facts).removes);
    facts.is_by_itself = true;
    CHECK(decide(facts).reason == CleanReason::automatic_off);
}

TEST_CASE("who names a directory is told of no other, whatever stands there") {
    RetentionFacts facts = facts_with(directory(mine, here));
    facts.found.push_back(directory("notes-12345678-0badf00d", here));
    facts.found[1].is_directory = false;
    facts.scope = CleanScope::current;
    facts.chosen = {mine};
    std::vector<CleanDecision> decisions = decide_retention(facts);
    CHECK(decisions[0].removes);
    CHECK(decisions[1].reason == CleanReason::not_chosen);
    facts.chosen.insert("notes-12345678-0badf00d");
    CHECK(decide_retention(facts)[1].reason == CleanReason::not_a_directory);
}

TEST_CASE("a directory that another job has too is not removed for one of them") {
    RetentionFacts facts = facts_with(directory(mine, here));
    facts.scope = CleanScope::current;
    facts.chosen = {mine};
    facts.chosen_job = "a";
    facts.claims = {{mine, "a", policy()}};
    CHECK(decide(facts).removes);
    facts.claims.push_back({mine, "b", policy()});
    CHECK(decide(facts).reason == CleanReason::other_job);
}

TEST_CASE("a use through another name of the host keeps an orphan, and is no record of this host") {
    RetentionFacts facts = facts_with(directory(mine, ago(here, 5000)));
    facts.recorded = {{mine, ago(here, 10), false}};
    CHECK(decide(facts).reason == CleanReason::nothing_recorded);
    facts.recorded.push_back({"other-12345678-0badf00d", here});
    CHECK(decide(facts).reason == CleanReason::young);
    facts.recorded[0].last_used_at = ago(here, 5000);
    CHECK(decide(facts).removes);
    facts.server_now.reset();
    CHECK(decide(facts).reason == CleanReason::no_clock);
}

TEST_CASE("names of project directories are built and read strictly") {
    const std::string long_name(300, 'n');
    for (const std::string& name : {std::string("thesis"), std::string("a-b"), std::string("-rf"), std::string("."),
                                    std::string("a b\n"), std::string(237, 'x'), std::string("x-12345678")}) {
        const std::string made = project_directory(name, "12345678", ours);
        CHECK(parse_project_directory(made) == ProjectName{name, "12345678", ours});
        CHECK_FALSE(is_removed_name(made));
    }
    CHECK(project_directory("", "12345678", ours) == "root-12345678-0badf00d");
    CHECK(project_directory(long_name, "12345678", ours).size() == 255);
    std::string accents;
    for (int i = 0; i < 200; ++i) accents += "\xc3\xa9";
    CHECK(project_directory(accents, "12345678", ours).size() == 254);
    for (const char* name : {"", "notes", "-12345678-0badf00d", "x-1234567-0badf00d", "x-123456789-0badf00d",
                             "x-1234567g-0badf00d", "x-12345678-0BADF00D", "x-12345678_0badf00d",
                             "x-12345678-0badf00d ", "a/x-12345678-0badf00d", "x-12345678-0badf00d/"}) {
        CAPTURE(name);
        CHECK_FALSE(parse_project_directory(name));
    }
    CHECK_FALSE(parse_project_directory(long_name + "-12345678-0badf00d"));
    const std::string aside = removed_name("0123456789abcdef0123456789abcdef");
    CHECK(is_removed_name(aside));
    CHECK_FALSE(parse_project_directory(aside));
    CHECK_FALSE(is_removed_name(aside + "0"));
}

}  // namespace syncline
