// Every source, target and baseline over three paths, under every policy: the invariants hold in all of these worlds.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>

#include "world.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

std::vector<Side> all_sides() {
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

std::vector<Policy> all_policies() {
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

std::string show(const Side& side) {
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

std::string show(const Policy& policy) {
    std::string switches = std::string(policy.force ? " force" : "") + (policy.adopt ? " adopt" : "") +
                           (policy.pull_spares_changes ? " sparing changes" : "");
    if (policy.direction == Direction::pull) return "pull=" + std::string(policy_name(policy.pull)) + switches;
    return "push delete=" + std::string(policy_name(policy.delete_policy)) +
           " overwrite=" + std::string(policy_name(policy.overwrite)) + switches;
}

void require_rules(const std::vector<Rule>& rules, const World& world) {
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
void walk(const Policy& policy, const std::vector<Rule>& rules, const Setting& setting) {
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
void hold_in_every_world(const std::vector<Rule>& rules, const Setting& setting = {}) {
    for (const Policy& policy : all_policies()) {
        bool is_wanted = std::ranges::any_of(rules, [&](const Rule& rule) { return rule.is_wanted(policy); });
        if (is_wanted) walk(policy, rules, setting);
    }
    SUCCEED();
}

bool any(const Policy&) { return true; }
bool is_push(const Policy& policy) { return policy.direction == Direction::push; }
bool overwrites_always(const Policy& policy) { return is_push(policy) && policy.overwrite == OverwritePolicy::always; }
bool is_push_mirror(const Policy& policy) { return policy.is_mirror() && overwrites_always(policy); }

bool has_symlink(const Side& side) {
    for (const auto& [path, what] : side) {
        if (what == 'L') return true;
    }
    return false;
}

bool is_change(const Action& action) { return action.op != Op::conflict; }

char at(const Side& side, const std::string& path) { return side.contains(path) ? side.at(path) : '-'; }

/// Only an adopted source may put something else in the place of a directory and what was in it.
bool is_replaced_by_adopted(const std::string& path, const Side& source, const Policy& policy) {
    char instead = at(source, "a");
    return policy.adopt && path == "a/b" && instead != '-' && instead != 'D';
}

}  // namespace

TEST_CASE("the rules of what a run may change hold in every small world") {
    hold_in_every_world({
        {"a push mirror makes the target equal to the source, with no conflict", is_push_mirror,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             return planned.plan.count(Op::conflict) == 0 && after == source;
         }},
        {"a pull mirror makes the target equal to a source without symlinks",
         [](const Policy& policy) { return !is_push(policy) && policy.is_mirror(); },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             return has_symlink(source) || after == source;
         }},
        {"every delete is justified", any,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : target) {
                 bool lost = at(after, path) == '-';
                 if (!lost) continue;
                 if (at(source, path) != '-') return false;
                 if (policy.is_mirror() || is_replaced_by_adopted(path, source, policy)) continue;
                 if (!is_push(policy) || policy.delete_policy != DeletePolicy::synced) return false;
                 if (at(baseline, path) == '-') return false;
                 if (!policy.adopt && what != 'D' && at(baseline, path) != what) return false;
             }
             return true;
         }},
        {"content that the baseline does not know is not overwritten under overwrite = unchanged, but by force",
         [](const Policy& policy) { return !policy.overwrites_changes(); },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : target) {
                 bool is_removed = at(after, path) == '-';
                 if (is_removed && policy.is_mirror()) continue;
                 bool changed = at(after, path) != what;
                 if (changed && what != 'D' && at(baseline, path) != what) return false;
             }
             return true;
         }},
        {"under overwrite = always every file that differs is as in the source, whatever delete says",
         overwrites_always,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : source) {
                 bool is_file_on_both = what != 'D' && at(target, path) != '-' && at(target, path) != 'D';
                 if (is_file_on_both && at(after, path) != what) return false;
             }
             return true;
         }},
        {"a plan counts what it overwrites that was changed on the target or is in no baseline", is_push,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const Action& action : planned.plan.actions) {
                 std::string path = planned.path(action);
                 bool overwrites = action.op == Op::put || action.op == Op::symlink || action.op == Op::mkdir;
                 char what = at(target, path), known = at(baseline, path);
                 Former former =
                     !overwrites || what == '-' || what == 'D' || action.reason == Reason::forced || known == what
                         ? Former::recorded
                     : known == '-' ? Former::never_seen
                                    : Former::changed;
                 if (action.former != former) return false;
             }
             return true;
         }},
        {"what a policy leaves alone on both sides is said: a conflict when both changed",
         [](const Policy& policy) { return is_push(policy) ? !is_push_mirror(policy) : policy.pull_spares_changes; },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : source) {
                 if (at(after, path) == what) continue;
                 bool said = false;
                 for (const Action& action : planned.plan.actions) {
                     said |= action.op == Op::conflict && is_at_or_below(path, planned.path(action));
                 }
                 for (const Problem& note : planned.plan.notes) said |= is_at_or_below(path, note.path);
                 if (!said) return false;
             }
             return true;
         }},
        {"an adopted source has no conflict with what the target's directories and files are",
         [](const Policy& policy) { return is_push(policy) && policy.adopt; },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : source) {
                 if (at(after, path) != what) return false;
             }
             return planned.plan.count(Op::conflict) == 0;
         }},
        {"delete = never removes nothing",
         [](const Policy& policy) {
             return is_push(policy) && policy.delete_policy == DeletePolicy::never && !policy.adopt;
         },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             if (planned.plan.deletes != 0) return false;
             for (const auto& [path, what] : target) {
                 if (at(after, path) == '-') return false;
                 if ((what == 'D') != (after.at(path) == 'D')) return false;
             }
             return true;
         }},
        {"pull = missing changes nothing that exists, and creates all that is missing",
         [](const Policy& policy) { return !is_push(policy) && policy.pull == PullPolicy::missing; },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : target) {
                 if (at(after, path) != what) return false;
             }
             for (const auto& [path, what] : source) {
                 bool can_be = what != 'L' && (path != "a/b" || at(target, "a") == '-' || at(target, "a") == 'D');
                 if (can_be && at(after, path) == '-') return false;
             }
             return true;
         }},
        {"pull = generated creates nothing, deletes nothing, and asks before it overwrites",
         [](const Policy& policy) { return !is_push(policy) && policy.pull == PullPolicy::generated; },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const Action& action : planned.plan.actions) {
                 if (is_change(action)) return false;  // no marker is known in this world, so nothing may be written
             }
             return true;
         }},
        {"pull = update deletes nothing and creates or overwrites the rest",
         [](const Policy& policy) {
             return !is_push(policy) && policy.pull == PullPolicy::update && policy.overwrites_changes();
         },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             for (const auto& [path, what] : target) {
                 bool is_replaced = is_replaced_by_adopted(path, source, policy);
                 if (at(after, path) == '-' && !is_replaced) return false;
             }
             for (const auto& [path, what] : source) {
                 bool in_the_way = at(target, path) != '-' && (at(target, path) == 'D') != (what == 'D');
                 bool parent_in_the_way = path == "a/b" && at(target, "a") != '-' && at(target, "a") != 'D';
                 if (what != 'L' && !in_the_way && !parent_in_the_way && at(after, path) != what) return false;
             }
             return true;
         }},
        {"deletes come after what is built, children before their directories", any,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             Phase last = Phase::build;
             for (const Action& action : planned.plan.actions) {
                 if (action.phase < last) return false;
                 last = action.phase;
                 bool is_delete = action.op == Op::remove || action.op == Op::rmdir;
                 if (is_delete != (action.phase == Phase::prune)) return false;
             }
             return true;
         }},
        {"after a whole run the next plan is empty", [](const Policy& policy) { return !policy.force; },
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             if (!planned.plan.needs.empty()) return true;
             Side rows = recorded(planned, source, after, baseline);
             Planned again = plan_of(source, after, rows, policy);
             for (const Action& action : again.plan.actions) {
                 if (is_change(action)) return false;
             }
             return again.plan.count(Op::conflict) <= planned.plan.count(Op::conflict) && again.plan.gone.empty() &&
                    again.plan.equal.empty();
         }},
    });
}

TEST_CASE("under synced, what the target had before the job put anything there is never deleted") {
    auto is_synced = [](const Policy& policy) {
        return is_push(policy) && policy.delete_policy == DeletePolicy::synced;
    };
    for (const std::set<std::string>& found_there : {std::set<std::string>{"a", "a/b", "c"}, {"a"}, {"a/b"}, {"c"}}) {
        auto holds = [&](const World& world) {
            const auto& [source, target, baseline, policy, planned, after] = world;
            for (const auto& [path, what] : target) {
                if (is_replaced_by_adopted(path, source, policy)) continue;
                if (found_there.contains(path) && at(after, path) == '-') return false;
                bool is_replaced = (what == 'D') != (at(after, path) == 'D');
                bool may_be_replaced = policy.force || policy.adopt || !found_there.contains(path);
                if (at(after, path) != '-' && is_replaced && !may_be_replaced) return false;
            }
            return true;
        };
        hold_in_every_world({{"it stays", is_synced, holds}}, {{}, {}, found_there});
    }
}

TEST_CASE("nothing at or below a directory that could not be read is deleted or replaced") {
    auto holds = [](const World& world) {
        for (const auto& [path, what] : world.target) {
            if (is_at_or_below(path, "a") && at(world.after, path) != what) return false;
        }
        return true;
    };
    hold_in_every_world({{"it stays", any, holds}}, {{"a"}, {}, {}});
}

TEST_CASE("nothing is touched at or below a directory of which it is not known what is selected") {
    auto holds = [](const World& world) {
        for (const Action& action : world.planned.plan.actions) {
            if (is_at_or_below(world.planned.path(action), "a")) return false;
        }
        return true;
    };
    hold_in_every_world({{"it stays", any, holds}}, {{"a"}, {"a"}, {}});
}

TEST_CASE("when the root could not be read the plan is empty") {
    auto holds = [](const World& world) {
        return world.planned.plan.actions.empty() && world.planned.plan.gone.empty();
    };
    hold_in_every_world({{"nothing is done", any, holds}}, {{""}, {}, {}});
}

TEST_CASE("a plan made in steps, reading only what it asks for, is the plan that knows all") {
    std::vector<Side> sides = all_sides();
    std::vector<std::string> nothing;
    for (const Policy& policy : all_policies()) {
        for (const Side& source : sides) {
            for (const Side& target : sides) {
                const Side& rows = source.size() % 2 == 0 ? source : target;
                Baseline baseline = baseline_of(rows);
                Planned known = plan_of(source, target, rows, policy);
                Planned stepwise{tree_of(source, false), tree_of(target, false), {}};
                for (int step = 0; step < 4; ++step) {
                    stepwise.plan = make_plan({stepwise.source, stepwise.target, baseline, policy, nothing, nothing});
                    for (uint32_t i : stepwise.plan.needs.source_digests) {
                        stepwise.source.set_digest(i, digest_of(source.at(std::string(stepwise.source.path(i)))));
                    }
                    for (uint32_t i : stepwise.plan.needs.target_digests) {
                        stepwise.target.set_digest(i, digest_of(target.at(std::string(stepwise.target.path(i)))));
                    }
                }
                // The modes `missing` and `generated` read nothing, so they may know less to be equal.
                bool reads = is_push(policy) || policy.pull == PullPolicy::update || policy.pull == PullPolicy::mirror;
                INFO("source " << show(source) << " target " << show(target));
                if (reads) REQUIRE(stepwise.plan.actions == known.plan.actions);
                if (reads) REQUIRE(stepwise.plan.unchanged == known.plan.unchanged);
            }
        }
    }
}
