// Every small world: all sides over three paths, all policies, and a walk through their combinations.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "world.hpp"

namespace syncline::test {

inline std::vector<Side> all_sides() {
    std::vector<Side> sides;
    auto add = [&sides](char a, char below_a, char c) {
        Side side;
        if (a != '-') side["a"] = a;
        if (below_a != '-') side["a/b"] = below_a;
        if (c != '-') side["c"] = c;
        sides.push_back(side);
    };
    for (char c : {'-', 'A', 'B', 'D', 'L'}) {
        for (char a : {'-', 'A', 'B', 'L'}) add(a, '-', c);
        for (char below_a : {'-', 'A', 'B', 'D', 'L'}) add('D', below_a, c);
    }
    return sides;
}

inline std::vector<Policy> all_policies() {
    std::vector<Policy> policies;
    for (int switches = 0; switches < 4; ++switches) {
        Policy policy;
        policy.force = switches & 1;
        policy.adopt = switches & 2;
        for (auto choice : {DeletePolicy::mirror, DeletePolicy::synced, DeletePolicy::never}) {
            policy.direction = Direction::push;
            policy.delete_policy = choice;
            for (auto overwrite : {OverwritePolicy::always, OverwritePolicy::unchanged}) {
                policy.overwrite = overwrite;
                policies.push_back(policy);
            }
        }
        for (auto choice : {PullPolicy::generated, PullPolicy::missing, PullPolicy::update, PullPolicy::mirror}) {
            policy.direction = Direction::pull;
            policy.pull = choice;
            policies.push_back(policy);
        }
        policy.pull = PullPolicy::update;
        policy.pull_spares_changes = true;
        policies.push_back(policy);
    }
    return policies;
}

inline std::string show(const Side& side) {
    std::string text;
    for (const auto& [path, what] : side) text += path + "=" + what + " ";
    return "{" + text + "}";
}

struct World {
    const Side &source, &target, &baseline;
    const Policy& policy;
    const Planned& planned;
    const Side& after;  ///< what the target holds once the plan is carried out
};

/// What holds in every world whose policy is wanted. All rules are checked in one walk: planning costs more than they.
struct Rule {
    const char* name;
    bool (*is_wanted)(const Policy&);
    std::function<bool(const World&)> holds;
};

inline std::string show(const Policy& policy) {
    std::string switches = std::string(policy.force ? " force" : "") + (policy.adopt ? " adopt" : "") +
                           (policy.pull_spares_changes ? " sparing changes" : "");
    if (policy.direction == Direction::pull) return "pull=" + std::string(policy_name(policy.pull)) + switches;
    return "push delete=" + std::string(policy_name(policy.delete_policy)) +
           " overwrite=" + std::string(policy_name(policy.overwrite)) + switches;
}

inline void require_rules(const std::vector<Rule>& rules, const World& world) {
    for (const Rule& rule : rules) {
        if (!rule.is_wanted(world.policy) || rule.holds(world)) continue;
        INFO(show(world.policy) << ": source " << show(world.source) << " target " << show(world.target) << " baseline "
                                << show(world.baseline) << " became " << show(world.after));
        FAIL(rule.name);
    }
}

/// What is special about the trees of a walk.
struct Setting {
    std::vector<std::string> incomplete{}, unjudged{};
    std::set<std::string> found_there{};
};

/// Every combination under one policy.
inline void walk(const Policy& policy, const std::vector<Rule>& rules, const Setting& setting) {
    static const std::vector<Side> sides = all_sides();
    static const std::vector<std::string> no_limits;
    std::vector<Tree> trees;
    std::vector<Baseline> baselines;
    for (const Side& side : sides) {
        trees.push_back(tree_of(side));
        baselines.push_back(baseline_of(side, setting.found_there));
    }
    for (size_t i = 0; i < sides.size() * sides.size() * sides.size(); ++i) {
        size_t source = i % sides.size(), target = i / sides.size() % sides.size();
        size_t baseline = i / sides.size() / sides.size();
        Planned planned{trees[source], trees[target], {}};
        planned.plan = make_plan({trees[source], trees[target], baselines[baseline], policy, setting.incomplete,
                                  no_limits, setting.unjudged});
        Side after;
        try {
            after = applied(planned, sides[source], sides[target]);
        } catch (const std::logic_error& error) {
            FAIL(show(policy) << ": source " << show(sides[source]) << " target " << show(sides[target]) << " baseline "
                              << show(sides[baseline]) << ": " << error.what());
        }
        require_rules(rules, {sides[source], sides[target], sides[baseline], policy, planned, after});
    }
}

/// Reports the first world in which a rule does not hold.
inline void hold_in_every_world(const std::vector<Rule>& rules, const Setting& setting = {}) {
    for (const Policy& policy : all_policies()) {
        bool is_wanted = std::ranges::any_of(rules, [&](const Rule& rule) { return rule.is_wanted(policy); });
        if (is_wanted) walk(policy, rules, setting);
    }
    SUCCEED();
}

}  // namespace syncline::test
