// Every source, target and baseline over three paths, under every policy: the invariants hold in all of these worlds.
#include "worlds.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

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
                 if (action.phase == Phase::prune) continue;
                 Former former =
                     !overwrites || what == '-' || what == 'D' || action.reason == Reason::forced || known == what
                         ? Former::recorded
                     : known == '-' ? Former::never_seen
                                    : Former::changed;
                 if (action.former != former) return false;
             }
             return true;
         }},
        {"the deletes of what is in no baseline are counted apart", any,
         [](const World& world) {
             const auto& [source, target, baseline, policy, planned, after] = world;
             uint64_t all = 0, unrecorded = 0;
             for (const Action& action : planned.plan.actions) {
                 std::string path = planned.path(action);
                 char what = at(target, path);
                 bool is_leaf = what != '-' && (path != "a" || !target.contains("a/b"));
                 bool makes_directory = action.op == Op::mkdir && what != '-';
                 if ((action.phase != Phase::prune || !is_leaf) && !makes_directory) continue;
                 ++all;
                 if (at(baseline, path) == '-') ++unrecorded;
             }
             return planned.plan.deletes == all && planned.plan.unrecorded_deletes == unrecorded;
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
