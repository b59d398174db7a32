// The planner, case by case: what one user would call one behaviour. The whole of small worlds is in
// plan_world_test.cpp.
#include <catch2/catch_test_macros.hpp>

#include "world.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

Policy push(DeletePolicy choice) {
    Policy policy;
    policy.delete_policy = choice;
    if (choice != DeletePolicy::mirror) policy.overwrite = OverwritePolicy::unchanged;
    return policy;
}

Policy pull(PullPolicy choice) {
    Policy policy;
    policy.direction = Direction::pull;
    policy.pull = choice;
    return policy;
}

std::string text(const Planned& planned) {
    std::string out;
    for (const Action& action : planned.plan.actions) {
        out += (out.empty() ? "" : ", ") + std::string(op_name(action.op)) + " " + planned.path(action);
    }
    return out;
}

Plan plan_trees(const Tree& source, const Tree& target, const Policy& policy) {
    Baseline baseline;
    std::vector<std::string> nothing;
    return make_plan({source, target, baseline, policy, nothing, nothing});
}

}  // namespace

TEST_CASE("excluded entries of the target are kept, and so is the directory that holds them") {
    TreeBuilder builder;
    builder.add("d", entry_of('D', true));
    Entry kept = entry_of('A', true);
    kept.flags |= unselected;
    builder.add("d/kept.o", kept);
    builder.add("d/old", entry_of('A', true));
    Tree target = builder.finish();
    Tree source;

    Plan plan = plan_trees(source, target, push(DeletePolicy::mirror));
    REQUIRE(plan.actions.size() == 1);
    CHECK(action_path(plan.actions[0], source, target) == "d/old");

    Policy policy = push(DeletePolicy::mirror);
    policy.delete_excluded = true;
    CHECK(plan_trees(source, target, policy).actions.size() == 3);
    CHECK(plan_trees(source, target, policy).actions[0].reason == Reason::excluded_from_source);
}

TEST_CASE("not even delete_excluded removes .git") {
    TreeBuilder builder;
    builder.add("d", entry_of('D', true));
    Entry git = entry_of('D', true);
    git.flags |= unselected | pinned;
    builder.add("d/.git", git);
    Tree target = builder.finish();
    Policy policy = push(DeletePolicy::mirror);
    policy.delete_excluded = true;
    CHECK(plan_trees(Tree{}, target, policy).actions.empty());
}

TEST_CASE("a file does not replace a directory that holds what must be kept") {
    TreeBuilder builder;
    builder.add("d", entry_of('D', true));
    builder.add("d/a", entry_of('A', true));
    Entry kept = entry_of('A', true);
    kept.flags |= unselected;
    builder.add("d/kept.o", kept);
    Tree target = builder.finish();
    Tree source = tree_of({{"d", 'A'}});
    Plan plan = plan_trees(source, target, push(DeletePolicy::mirror));
    REQUIRE(plan.actions.size() == 1);
    CHECK(plan.actions[0].op == Op::conflict);
    CHECK(plan.actions[0].reason == Reason::blocked_by_kept_entries);
    CHECK(plan.deletes == 0);
    // Adopting waives guards, not filters.
    Policy adopting = push(DeletePolicy::mirror);
    adopting.adopt = true;
    CHECK(plan_trees(source, target, adopting).count(Op::conflict) == 1);
}

TEST_CASE("a directory that becomes a file counts as the deletes it implies") {
    Planned planned = plan_of({{"d", 'A'}}, {{"d", 'D'}, {"d/x", 'A'}, {"d/y", 'B'}}, {}, push(DeletePolicy::mirror));
    CHECK(text(planned) == "delete d/x, delete d/y, put d");
    CHECK(planned.plan.deletes == 2);
    CHECK(planned.plan.actions.back().phase == Phase::replace);
}

TEST_CASE("a special file is noted, and what stands in its place on the target stays") {
    Planned planned = plan_of({{"pipe", 'S'}}, {{"pipe", 'D'}, {"pipe/x", 'A'}}, {}, push(DeletePolicy::mirror));
    CHECK(planned.plan.actions.empty());
    REQUIRE(planned.plan.notes.size() == 1);
    CHECK(planned.plan.notes[0].path == "pipe");
}

TEST_CASE("a run limited to a path makes the directories that lead there and touches nothing else") {
    Side source = {{"a", 'D'}, {"a/b", 'D'}, {"a/b/new", 'A'}, {"a/other", 'A'}, {"z", 'A'}};
    Side target = {{"gone", 'A'}};
    Planned planned = plan_of(source, target, {{"gone", 'A'}, {"never", 'A'}}, push(DeletePolicy::mirror), {}, {"a/b"});
    CHECK(text(planned) == "mkdir a, mkdir a/b, put a/b/new");
    CHECK(planned.plan.gone.empty());
}

TEST_CASE("a limited run still deletes below its path") {
    Planned planned =
        plan_of({{"a", 'D'}}, {{"a", 'D'}, {"a/x", 'A'}, {"b", 'A'}}, {}, push(DeletePolicy::mirror), {}, {"a"});
    CHECK(text(planned) == "delete a/x");
}

TEST_CASE("under synced, an edit on the target is a note when the source stands still, a conflict when it does not") {
    Planned still = plan_of({{"f", 'A'}}, {{"f", 'B'}}, {{"f", 'A'}}, push(DeletePolicy::synced));
    CHECK(still.plan.actions.empty());
    CHECK(still.plan.notes.size() == 1);
    Side unknown = {{"f", 'L'}};
    Planned moved = plan_of({{"f", 'A'}}, {{"f", 'B'}}, unknown, push(DeletePolicy::synced));
    REQUIRE(moved.plan.actions.size() == 1);
    CHECK(moved.plan.actions[0].reason == Reason::changed_on_both_sides);
}

TEST_CASE("what is found equal on the target is the job's own only if the job put that content there") {
    Side both = {{"d", 'D'}, {"f", 'A'}, {"l", 'L'}};
    auto found_there = [&both](const Side& rows, const std::set<std::string>& found_before) {
        std::string found;
        Planned planned = plan_of(both, both, rows, push(DeletePolicy::synced), {}, {}, found_before);
        for (const EqualPair& pair : planned.plan.equal) {
            if (pair.found_there) found += planned.source.path(pair.source);
        }
        return found;
    };
    CHECK(found_there({}, {}) == "dfl");
    // The same edit was made on both sides since: the content is not the job's any more.
    CHECK(found_there({{"d", 'A'}, {"f", 'B'}, {"l", 'M'}}, {}) == "dfl");
    CHECK(plan_of(both, both, both, push(DeletePolicy::synced)).plan.equal.empty());
    // Touched on the target: a new row, but still whose it was.
    Tree source = tree_of({{"f", 'A'}});
    Tree target = tree_of({{"f", 'A'}});
    target.set_stamp(0, {10, 7777, 7777, 9});
    std::vector<std::string> nothing;
    for (const std::set<std::string>& before : {std::set<std::string>{}, {"f"}}) {
        Baseline rows = baseline_of({{"f", 'A'}}, before);
        Plan plan = make_plan({source, target, rows, push(DeletePolicy::synced), nothing, nothing});
        REQUIRE(plan.equal.size() == 1);
        CHECK(plan.equal[0].found_there == !before.empty());
    }
}

TEST_CASE("a pull refuses remote symlinks by name, unless the local one is identical") {
    for (PullPolicy mode : {PullPolicy::missing, PullPolicy::update, PullPolicy::mirror}) {
        CHECK(text(plan_of({{"l", 'L'}}, {}, {}, pull(mode))) == "conflict l");
        CHECK(text(plan_of({{"l", 'L'}}, {{"l", 'M'}}, {}, pull(mode))) == "conflict l");
        CHECK(text(plan_of({{"l", 'L'}}, {{"l", 'L'}}, {}, pull(mode))).empty());
        CHECK(text(plan_of({{"l", 'L'}}, {{"l", 'D'}, {"l/x", 'A'}}, {}, pull(mode))) == "conflict l");
    }
}

TEST_CASE("a pull makes the symlinks that it may") {
    TreeBuilder builder;
    builder.add("d/in", entry_of('L', false), "../f");
    builder.add("d/out", entry_of('L', false), "../../f");
    builder.add("root", entry_of('L', false), "/f");
    Tree source = builder.finish();
    auto count_with = [&](PullLinks links) {
        Policy policy = pull(PullPolicy::update);
        PlanInput input{source, Tree(), Baseline(), policy, {}, {}};
        input.pull_links = links;
        Plan plan = make_plan(input);
        CHECK(plan.count(Op::symlink) + plan.count(Op::conflict) == 3);
        return plan.count(Op::symlink);
    };
    CHECK(count_with(PullLinks::refuse) == 0);
    CHECK(count_with(PullLinks::inside) == 1);
    CHECK(count_with(PullLinks::all) == 3);
}

TEST_CASE("what a policy leaves alone is counted") {
    const Side there{{"a", 'A'}, {"d", 'D'}, {"d/b", 'A'}, {"l", 'L'}, {"same", 'A'}, {"x", 'A'}};
    const Side here{{"mine", 'A'}, {"same", 'A'}, {"x", 'B'}};
    auto left_by = [](const Side& source, const Side& target, const Policy& policy) {
        return plan_of(source, target, {}, policy).plan.left;
    };
    LeftAlone left = left_by(there, here, pull(PullPolicy::missing));
    CHECK(left == LeftAlone{0, 1, 0, 0});
    CHECK(left_alone_text(left, pull(PullPolicy::missing), "in b2") ==
          "1 file differs: pull = missing leaves it (see --update, --overwrite)");
    CHECK(left_by(there, here, pull(PullPolicy::update)) == LeftAlone{});
    CHECK(left_by(there, here, pull(PullPolicy::mirror)) == LeftAlone{});
    left = left_by(here, there, push(DeletePolicy::never));
    CHECK(left.extra == 3);
    CHECK(left_alone_text(left, push(DeletePolicy::never), "on cse") ==
          "3 files are only on cse: delete = never leaves them (see --delete)");
    CHECK(left_by(here, there, push(DeletePolicy::mirror)).extra == 0);
    left = {3, 1, 0, 0};
    CHECK(left_alone_text(left, pull(PullPolicy::generated), "on cse") ==
          "3 files are only on cse, 1 differs: pull = generated leaves them (see --missing, --update, --overwrite)");
    CHECK(left_alone_text({0, 0, 0, 2}, push(DeletePolicy::never), "in b2") ==
          "2 deletes are withheld, as no watcher saw them go (see --delete)");
    CHECK(left_alone_text({}, push(DeletePolicy::never), "in b2").empty());
    CHECK(left_alone_text({0, 1, 0, 0}, push(DeletePolicy::never), "in b2") ==
          "1 file differs: overwrite = unchanged leaves it (see --overwrite)");
    CHECK(left_alone_text({0, 2, 1, 0}, push(DeletePolicy::synced), "in b2") ==
          "1 file is only in b2, 2 differ: delete = synced and overwrite = unchanged leave them (see --delete, "
          "--overwrite)");
}

TEST_CASE("pull = generated overwrites only what carries the marker") {
    Tree source = tree_of({{"f", 'A'}, {"g", 'A'}});
    Tree target = tree_of({{"f", 'B'}, {"g", 'B'}});
    Plan first = plan_trees(source, target, pull(PullPolicy::generated));
    CHECK(first.needs.target_markers.size() == 2);
    for (size_t i = 0; i < 2; ++i) target.set_flag(i, marker_known);
    target.set_flag(1, generated);
    Plan plan = plan_trees(source, target, pull(PullPolicy::generated));
    REQUIRE(plan.actions.size() == 1);
    CHECK(action_path(plan.actions[0], source, target) == "g");
}

TEST_CASE("owner permissions leave equal files alone; preserve mends their mode") {
    TreeBuilder builder;
    Entry file = entry_of('A', true);
    file.mode = 04755;
    builder.add("f", file);
    Tree source = builder.finish();
    Tree target = tree_of({{"f", 'A'}});
    Policy policy = push(DeletePolicy::mirror);
    CHECK(plan_trees(source, target, policy).actions.empty());
    policy.permissions = PermissionPolicy::preserve;
    Plan plan = plan_trees(source, target, policy);
    REQUIRE(plan.actions.size() == 1);
    CHECK(plan.actions[0].op == Op::chmod);
    CHECK(plan.actions[0].mode == 0755);  // without the setuid bit
}

TEST_CASE("new files get the source's mode less the umask, directories 0700") {
    TreeBuilder builder;
    Entry directory = entry_of('D', true);
    builder.add("d", directory);
    Entry script = entry_of('A', true);
    script.mode = 0755;
    builder.add("d/x", script);
    Tree source = builder.finish();
    Plan plan = plan_trees(source, Tree{}, push(DeletePolicy::mirror));
    REQUIRE(plan.actions.size() == 2);
    CHECK(plan.actions[0].mode == 0700);
    CHECK(plan.actions[1].mode == 0700);
}

TEST_CASE("a read-only directory is made writable until it is filled") {
    TreeBuilder builder;
    Entry directory = entry_of('D', true);
    directory.mode = 0555;
    builder.add("d", directory);
    builder.add("d/x", entry_of('A', true));
    Tree source = builder.finish();
    Policy policy = push(DeletePolicy::mirror);
    policy.permissions = PermissionPolicy::preserve;
    Plan plan = plan_trees(source, Tree{}, policy);
    REQUIRE(plan.actions.size() == 3);
    CHECK(plan.actions[0].mode == 0755);
    CHECK(plan.actions[2].op == Op::chmod);
    CHECK(plan.actions[2].mode == 0555);
}

namespace {

/// `entries` with the mode 0555 for directories named "ro", 0755 for others.
Tree tree_with_closed(const Side& entries) {
    TreeBuilder builder;
    for (const auto& [path, what] : entries) {
        Entry entry = entry_of(what, true);
        if (what == 'D') entry.mode = last_name(path) == "ro" ? 0555 : 0755;
        builder.add(path, entry);
    }
    return builder.finish();
}

std::string preserve_plan(const Side& source, const Side& target) {
    Policy policy = push(DeletePolicy::mirror);
    policy.permissions = PermissionPolicy::preserve;
    Planned planned{tree_with_closed(source), tree_with_closed(target), {}};
    planned.plan = plan_trees(planned.source, planned.target, policy);
    return text(planned);
}

}  // namespace

TEST_CASE("a read-only directory of the target is opened for what changes in it, and closed again") {
    Side base = {{"ro", 'D'}, {"ro/f", 'A'}, {"ro/ro", 'D'}, {"ro/ro/f", 'A'}, {"w", 'D'}};
    auto with = [&base](std::initializer_list<Side::value_type> more) {
        Side side = base;
        for (const auto& [path, what] : more) side[path] = what;
        return side;
    };
    CHECK(preserve_plan(base, base).empty());
    CHECK(preserve_plan(with({{"ro/f", 'B'}}), base) == "chmod ro, put ro/f, chmod ro");
    CHECK(preserve_plan(base, with({{"ro/ro/old", 'A'}})) == "chmod ro/ro, delete ro/ro/old, chmod ro/ro");
    CHECK(preserve_plan(with({{"ro/new", 'D'}}), base) == "chmod ro, mkdir ro/new, chmod ro");
    CHECK(preserve_plan(with({{"w/f", 'A'}}), base) == "put w/f");
    // One that goes away is not closed; nor is one that a file replaces.
    CHECK(preserve_plan({}, {{"ro", 'D'}, {"ro/f", 'A'}}) == "chmod ro, delete ro/f, rmdir ro");
    CHECK(preserve_plan({{"ro", 'A'}}, {{"ro", 'D'}, {"ro/f", 'A'}}) == "chmod ro, delete ro/f, put ro");
}

TEST_CASE("a directory of the target is opened no longer than the source's mode says, and not under owner") {
    Tree closed = tree_with_closed({{"ro", 'D'}});
    Tree open = tree_of({{"ro", 'D'}, {"ro/f", 'A'}});
    Policy policy = push(DeletePolicy::mirror);
    CHECK(plan_trees(open, closed, policy).count(Op::chmod) == 0);
    policy.permissions = PermissionPolicy::preserve;
    Plan plan = plan_trees(open, closed, policy);
    REQUIRE(plan.actions.size() == 3);
    CHECK(plan.actions[0].phase == Phase::open);
    CHECK(plan.actions[2].phase == Phase::finish);
    CHECK(plan.actions[2].mode == 0755);
}

TEST_CASE("a mount point that is gone is found, whether its directory is still there or not") {
    BaselineEntry row;
    row.kind = Kind::directory;
    row.mount_point = true;
    Baseline baseline;
    baseline.add("disk", row);
    baseline.add("usb", row);
    CHECK(vanished_mounts(tree_of({{"disk", 'D'}}), baseline) == std::vector<std::string>{"disk", "usb"});
}

TEST_CASE("a mount point that is gone is remembered until it is back") {
    BaselineEntry row;
    row.kind = Kind::directory;
    row.mount_point = true;
    Baseline baseline;
    baseline.add("disk", row);
    Tree source = tree_of({{"disk", 'D'}});
    Tree target = tree_of({{"disk", 'D'}, {"disk/file", 'A'}});
    std::vector<std::string> incomplete{"disk"}, everything;
    Policy policy = push(DeletePolicy::mirror);
    Plan plan = make_plan({source, target, baseline, policy, incomplete, everything});
    CHECK(plan.actions.empty());
    CHECK(plan.equal.empty());
}

TEST_CASE("digests are recalled only where the stamp is the recorded one") {
    Baseline baseline = baseline_of({{"f", 'A'}, {"g", 'A'}});
    Tree source = tree_of({{"f", 'A'}, {"g", 'B'}}, false);
    Tree target = tree_of({{"f", 'B'}, {"g", 'A'}}, false);
    recall_digests(baseline, source, target);
    CHECK(source[0].has(has_digest));
    CHECK_FALSE(source[1].has(has_digest));
    CHECK_FALSE(target[0].has(has_digest));
    CHECK(target[1].has(has_digest));
}

TEST_CASE("a stamp as young as the scan is racy") {
    constexpr TimeNs second = 1'000'000'000;
    Stamp old_stamp{1, 100 * second + 5, 100 * second + 5, 7};
    CHECK_FALSE(is_racy(old_stamp, 101 * second));
    CHECK(is_racy(old_stamp, 100 * second + 6));
    CHECK(is_racy(Stamp{1, 50 * second, 100 * second + 5, 7}, 100 * second + 6));
    Stamp whole_seconds{1, 100 * second, 100 * second, 7};
    CHECK(is_racy(whole_seconds, 101 * second));  // such a file system may tick every two seconds
    CHECK_FALSE(is_racy(whole_seconds, 103 * second));
}
