// Every source, target and baseline over three paths, under every policy: the invariants hold in all of these worlds.
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
            policies.push_back(policy);
        }
        for (auto choice : {PullPolicy::generated, PullPolicy::missing, PullPolicy::update, PullPolicy::mirror}) {
            policy.direction = Direction::pull;
            policy.pull = choice;
            policies.push_back(policy);
        }
    }
    return policies;
}

std::string show(const Side& side) {
    std::string text;
    for (const auto& [path, what] : side) text += path + "=" + what + " ";
    return "{" + text + "}";
}

/// Runs `check` in every world and reports the first one where it does not hold.
using Check =
    std::function<bool(const Side& source, const Side& target, const Side& baseline, const Policy&, const Planned&)>;

void in_every_world(const std::function<bool(const Policy&)>& wanted, const Check& check,
                    const std::vector<std::string>& incomplete = {}) {
    std::vector<Side> sides = all_sides();
    for (const Policy& policy : all_policies()) {
        if (!wanted(policy)) continue;
        for (const Side& source : sides) {
            for (const Side& target : sides) {
                for (const Side& baseline : sides) {
                    Planned planned = plan_of(source, target, baseline, policy, incomplete);
                    bool holds = false;
                    std::string thrown;
                    try {
                        holds = check(source, target, baseline, policy, planned);
                    } catch (const std::logic_error& error) {
                        thrown = error.what();
                    }
                    if (holds) continue;
                    INFO("source " << show(source) << " target " << show(target) << " baseline " << show(baseline));
                    INFO(policy_name(policy.direction)
                         << " delete=" << policy_name(policy.delete_policy) << " pull=" << policy_name(policy.pull)
                         << " force=" << policy.force << " adopt=" << policy.adopt << " " << thrown);
                    REQUIRE(holds);
                }
            }
        }
    }
    SUCCEED();
}

bool any(const Policy&) { return true; }
bool is_push(const Policy& policy) { return policy.direction == Direction::push; }
bool is_push_mirror(const Policy& policy) { return is_push(policy) && policy.is_mirror(); }

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

TEST_CASE("a push mirror makes the target equal to the source, with no conflict") {
    in_every_world(is_push_mirror, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        return planned.plan.count(Op::conflict) == 0 && applied(planned, source, target) == source;
    });
}

TEST_CASE("a pull mirror makes the target equal to a source without symlinks") {
    auto wanted = [](const Policy& policy) { return !is_push(policy) && policy.is_mirror(); };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        return has_symlink(source) || applied(planned, source, target) == source;
    });
}

TEST_CASE("every delete is justified") {
    in_every_world(any, [](auto& source, auto& target, auto& baseline, auto& policy, auto& planned) {
        Side after = applied(planned, source, target);
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
    });
}

TEST_CASE("under synced, what the target had before the job put anything there is never deleted") {
    auto is_synced = [](const Policy& policy) {
        return is_push(policy) && policy.delete_policy == DeletePolicy::synced;
    };
    for (const std::set<std::string>& found_there : {std::set<std::string>{"a", "a/b", "c"}, {"a"}, {"a/b"}, {"c"}}) {
        in_every_world(is_synced, [&](auto& source, auto& target, auto& baseline, auto& policy, auto&) {
            Planned planned = plan_of(source, target, baseline, policy, {}, {}, found_there);
            Side after = applied(planned, source, target);
            for (const auto& [path, what] : target) {
                if (is_replaced_by_adopted(path, source, policy)) continue;
                if (found_there.contains(path) && at(after, path) == '-') return false;
                bool is_replaced = (what == 'D') != (at(after, path) == 'D');
                bool may_be_replaced = policy.force || policy.adopt || !found_there.contains(path);
                if (at(after, path) != '-' && is_replaced && !may_be_replaced) return false;
            }
            return true;
        });
    }
}

TEST_CASE("content that the baseline does not know survives, but under a mirror or by force") {
    auto wanted = [](const Policy& policy) {
        return is_push(policy) && !policy.is_mirror() && !policy.force && !policy.adopt;
    };
    in_every_world(wanted, [](auto& source, auto& target, auto& baseline, auto&, auto& planned) {
        Side after = applied(planned, source, target);
        for (const auto& [path, what] : target) {
            bool changed = at(after, path) != what;
            if (changed && what != 'D' && at(baseline, path) != what) return false;
        }
        return true;
    });
}

TEST_CASE("what a policy leaves alone on both sides is said: a conflict when both changed") {
    auto wanted = [](const Policy& policy) { return is_push(policy) && !policy.is_mirror(); };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        Side after = applied(planned, source, target);
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
    });
}

TEST_CASE("an adopted source has no conflict with what the target's directories and files are") {
    auto wanted = [](const Policy& policy) { return is_push(policy) && policy.adopt; };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        Side after = applied(planned, source, target);
        for (const auto& [path, what] : source) {
            if (at(after, path) != what) return false;
        }
        return planned.plan.count(Op::conflict) == 0;
    });
}

TEST_CASE("delete = never removes nothing") {
    auto wanted = [](const Policy& policy) {
        return is_push(policy) && policy.delete_policy == DeletePolicy::never && !policy.adopt;
    };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        Side after = applied(planned, source, target);
        if (planned.plan.deletes != 0) return false;
        for (const auto& [path, what] : target) {
            if (at(after, path) == '-') return false;
            if ((what == 'D') != (after.at(path) == 'D')) return false;
        }
        return true;
    });
}

TEST_CASE("pull = missing changes nothing that exists, and creates all that is missing") {
    auto wanted = [](const Policy& policy) { return !is_push(policy) && policy.pull == PullPolicy::missing; };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto&, auto& planned) {
        Side after = applied(planned, source, target);
        for (const auto& [path, what] : target) {
            if (at(after, path) != what) return false;
        }
        for (const auto& [path, what] : source) {
            bool can_be = what != 'L' && (path != "a/b" || at(target, "a") == '-' || at(target, "a") == 'D');
            if (can_be && at(after, path) == '-') return false;
        }
        return true;
    });
}

TEST_CASE("pull = generated creates nothing, deletes nothing, and asks before it overwrites") {
    auto wanted = [](const Policy& policy) { return !is_push(policy) && policy.pull == PullPolicy::generated; };
    in_every_world(wanted, [](auto&, auto&, auto&, auto&, auto& planned) {
        for (const Action& action : planned.plan.actions) {
            if (is_change(action)) return false;  // no marker is known in this world, so nothing may be written
        }
        return true;
    });
}

TEST_CASE("pull = update deletes nothing and creates or overwrites the rest") {
    auto wanted = [](const Policy& policy) { return !is_push(policy) && policy.pull == PullPolicy::update; };
    in_every_world(wanted, [](auto& source, auto& target, auto&, auto& policy, auto& planned) {
        Side after = applied(planned, source, target);
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
    });
}

TEST_CASE("after a whole run the next plan is empty") {
    auto wanted = [](const Policy& policy) { return !policy.force; };
    in_every_world(wanted, [](auto& source, auto& target, auto& baseline, auto& policy, auto& planned) {
        if (!planned.plan.needs.empty()) return true;
        Side after = applied(planned, source, target);
        Side rows = recorded(planned, source, after, baseline);
        Planned again = plan_of(source, after, rows, policy);
        for (const Action& action : again.plan.actions) {
            if (is_change(action)) return false;
        }
        return again.plan.count(Op::conflict) <= planned.plan.count(Op::conflict) && again.plan.gone.empty() &&
               again.plan.equal.empty();
    });
}

TEST_CASE("nothing at or below a directory that could not be read is deleted or replaced") {
    in_every_world(any,
                   [](auto& source, auto& target, auto&, auto&, auto& planned) {
                       Side after = applied(planned, source, target);
                       for (const auto& [path, what] : target) {
                           if (is_at_or_below(path, "a") && at(after, path) != what) return false;
                       }
                       return true;
                   },
                   {"a"});
}

TEST_CASE("nothing is touched at or below a directory of which it is not known what is selected") {
    const std::vector<std::string> nothing, unjudged{"a"};
    in_every_world(any, [&](auto& source, auto& target, auto& baseline, auto& policy, auto&) {
        Planned planned{tree_of(source), tree_of(target), {}};
        Baseline rows = baseline_of(baseline);
        planned.plan = make_plan({planned.source, planned.target, rows, policy, unjudged, nothing, unjudged});
        for (const Action& action : planned.plan.actions) {
            if (is_at_or_below(planned.path(action), "a")) return false;
        }
        return true;
    });
}

TEST_CASE("when the root could not be read the plan is empty") {
    in_every_world(any,
                   [](auto&, auto&, auto&, auto&, auto& planned) {
                       return planned.plan.actions.empty() && planned.plan.gone.empty();
                   },
                   {""});
}

TEST_CASE("deletes come after what is built, children before their directories") {
    in_every_world(any, [](auto&, auto&, auto&, auto&, auto& planned) {
        Phase last = Phase::build;
        for (const Action& action : planned.plan.actions) {
            if (action.phase < last) return false;
            last = action.phase;
            bool is_delete = action.op == Op::remove || action.op == Op::rmdir;
            if (is_delete != (action.phase == Phase::prune)) return false;
        }
        return true;
    });
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
