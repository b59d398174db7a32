#include "core/withhold.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/change_set.hpp"

using namespace syncline;

namespace {

using Paths = std::vector<std::string>;

/// A tree of files and, ending with a slash, directories.
Tree tree_of(const Paths& paths) {
    TreeBuilder builder;
    for (std::string path : paths) {
        Entry entry;
        if (path.ends_with('/')) {
            entry.kind = Kind::directory;
            path.pop_back();
        }
        builder.add(path, entry);
    }
    return builder.finish();
}

Plan mirror_plan(const Tree& source, const Tree& target) {
    Policy policy;
    Baseline baseline;
    const Paths nothing;
    return make_plan({source, target, baseline, policy, nothing, nothing});
}

struct Done {
    Paths kept, removed;
    uint64_t deletes;
};

/// What happens to the target when all went from the source that is not in it, of which `gone` was seen.
Done withhold(const Paths& source_paths, const Paths& target_paths, const Paths& gone) {
    Tree source = tree_of(source_paths), target = tree_of(target_paths);
    Plan plan = mirror_plan(source, target);
    GonePaths seen;
    for (const std::string& path : gone) seen.add(path);
    Done done;
    done.kept = withhold_unseen(plan, target, seen);
    for (const Action& action : plan.actions) {
        if (action.phase == Phase::prune) done.removed.emplace_back(target.path(action.target));
    }
    done.deletes = plan.deletes;
    return done;
}

}  // namespace

TEST_CASE("only what was seen to go is deleted") {
    Done done = withhold({"stays"}, {"stays", "seen", "unseen"}, {"seen"});
    CHECK(done.removed == Paths{"seen"});
    CHECK(done.kept == Paths{"unseen"});
    CHECK(done.deletes == 1);
}

TEST_CASE("a directory that went takes along what was in it") {
    Done done = withhold({}, {"d/", "d/a", "d/e/", "d/e/b", "other/", "other/c"}, {"d"});
    CHECK(done.removed.size() == 4);
    CHECK(done.kept == Paths{"other/c"});
    CHECK(done.deletes == 2);
}

TEST_CASE("a directory stays as long as something in it does") {
    Done done = withhold({}, {"d/", "d/a", "d/b"}, {"d/a"});
    CHECK(done.removed == Paths{"d/a"});
    CHECK(done.kept == Paths{"d/b"});
    done = withhold({}, {"d/", "d/e/"}, {"d/a"});
    CHECK(done.removed.empty());
    CHECK(done.kept == Paths{"d/e"});
    CHECK(done.deletes == 0);
}

TEST_CASE("what needs a withheld delete is withheld, too") {
    Tree source = tree_of({"d"}), target = tree_of({"d/", "d/a"});
    source.set_digest(0, Digest{});
    Plan plan = mirror_plan(source, target);
    REQUIRE(plan.count(Op::put) == 1);
    CHECK(withhold_unseen(plan, target, GonePaths()) == Paths{"d/a"});
    CHECK(plan.actions.empty());
}

TEST_CASE("a plan without deletes is left alone, and one with everything seen") {
    CHECK(withhold({"a"}, {"a"}, {}).kept.empty());
    Done done = withhold({}, {"a", "b/", "b/c"}, {"a", "b"});
    CHECK(done.kept.empty());
    CHECK(done.removed.size() == 3);
}

TEST_CASE("what went is remembered whatever else changed, within bounds") {
    ChangeSet changes;
    changes.add("x");
    changes.add_gone("d");
    changes.add_everything();
    ChangeSet all;
    all.add(changes);
    CHECK(all.everything());
    CHECK((all.gone().contains("d") && all.gone().contains("d/below") && !all.gone().contains("x")));
    CHECK_FALSE(all.gone().contains("dd"));

    GonePaths many;
    for (int i = 0; i < 100'000; ++i) many.add("d/" + std::to_string(i));
    many.add("d");
    CHECK(many.contains("d/77"));
    for (int i = 0; i < 100'000; ++i) many.add("e" + std::to_string(i));
    CHECK(many.size() <= 100'000);
    CHECK(many.contains("e99999"));
}

TEST_CASE("nothing goes in the directory of what failed, or below it, and nothing of that counts") {
    Tree source = tree_of({"d/", "d/failed", "e/", "swap"});
    Tree target = tree_of({"d/", "d/gone", "d/sub/", "d/sub/gone", "e/", "e/gone", "swap/", "swap/gone", "top"});
    source.set_digest(source.find("swap"), Digest{});  // read, as it must be before a directory makes room for it
    Plan plan = mirror_plan(source, target);
    CHECK(plan.deletes == 5);
    FailedPaths failed;
    CHECK(withhold_beside(plan, target, failed).empty());
    failed.add("d/failed");
    CHECK(withhold_beside(plan, target, failed) == Paths{"d/gone", "d/sub/gone", "d/sub"});
    CHECK(plan.deletes == 3);
    CHECK(plan.unrecorded_deletes == 3);
    CHECK(*failed.beside("d/sub/gone") == "d/failed");
    CHECK(failed.beside("e/gone") == nullptr);
    failed.add("missing");
    CHECK(withhold_beside(plan, target, failed) == Paths{"e/gone", "swap/gone", "top", "swap"});
    CHECK((plan.deletes == 0 && plan.unrecorded_deletes == 0));
    CHECK(why_withheld("d/failed", true).find("--adopt does not change this") != std::string::npos);
}
