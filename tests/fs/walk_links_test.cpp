// What becomes of symlinks under each policy.
#include <catch2/catch_test_macros.hpp>

#include "base/rel_path.hpp"
#include "fs/walk.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using test::TempTree;

namespace {

using Paths = std::vector<std::string>;

WalkResult walk_with(const TempTree& tree, SymlinkPolicy policy, bool keep_unselected = false) {
    WalkOptions options;
    options.symlinks = policy;
    options.keep_unselected = keep_unselected;
    return walk(tree.fd(), options, {});
}

Paths paths_of(const Tree& tree) {
    Paths paths;
    for (const Entry& entry : tree.entries()) paths.emplace_back(tree.path(entry));
    return paths;
}

Paths failed_paths(const WalkResult& result) {
    Paths paths;
    for (const Problem& problem : result.problems) paths.push_back(problem.path);
    return paths;
}

}  // namespace

TEST_CASE("copied links keep their target, whatever it is") {
    TempTree tree;
    const Paths targets = {"/", "..", ".", "missing", "loop", std::string(1000, 'x'), "a\nb\xff"};
    for (size_t i = 0; i < targets.size(); ++i) tree.link("link" + std::to_string(i), targets[i]);
    WalkResult result = walk_with(tree, SymlinkPolicy::copy);
    REQUIRE(result.tree.size() == targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
        CHECK(result.tree.link(result.tree[i]) == targets[i]);
        CHECK(result.tree[i].stamp.size == targets[i].size());
    }
    CHECK(result.problems.empty());
}

TEST_CASE("skipped links are flagged, so that what stands in their place elsewhere is left alone") {
    TempTree tree;
    tree.write("directory/file", "x");
    tree.link("link", "directory");
    for (bool is_target : {false, true}) {
        WalkResult result = walk_with(tree, SymlinkPolicy::skip, is_target);
        REQUIRE(paths_of(result.tree) == Paths{"directory", "directory/file", "link"});
        CHECK(result.tree[2].has(unselected));
        CHECK_FALSE(result.tree[2].has(pinned));
        CHECK_FALSE(result.tree[0].has(unselected));
    }
}

TEST_CASE("a followed link is what it points to, outside too") {
    TempTree outside, tree;
    outside.write("below/file", "12345");
    outside.write("below/deep/er", "x");
    tree.link("directory", outside.path("below"));
    tree.link("file", outside.path("below/file"));
    tree.link("relative", "directory/deep");
    WalkResult result = walk_with(tree, SymlinkPolicy::follow);
    CHECK(result.problems.empty());
    CHECK(paths_of(result.tree) == Paths{"directory", "directory/deep", "directory/deep/er", "directory/file", "file",
                                         "relative", "relative/er"});
    const Entry& file = result.tree[4];
    CHECK(file.kind == Kind::file);
    CHECK(file.stamp == outside.stamp("below/file"));
    CHECK(result.tree[0].kind == Kind::directory);
}

TEST_CASE("followed links that lead nowhere, round or to a special file are problems") {
    TempTree tree;
    tree.make_directory("a/b");
    tree.link("a/b/up", "../../a");
    tree.link("a/b/root", "../..");
    tree.link("a/b/here", ".");
    tree.link("dangling", "missing");
    tree.link("self", "self");
    tree.make_fifo("fifo");
    tree.link("special", "fifo");
    WalkResult result = walk_with(tree, SymlinkPolicy::follow);
    CHECK(failed_paths(result) == Paths{"a/b/here", "a/b/root", "a/b/up", "dangling", "self", "special"});
    CHECK(result.incomplete == failed_paths(result));
    CHECK(paths_of(result.tree) == Paths{"a", "a/b", "fifo"});
}

TEST_CASE("two followed links into each other's directory come to an end") {
    TempTree tree;
    tree.link("a/to-b", "../b");
    tree.link("b/to-a", "../a");
    WalkResult result = walk_with(tree, SymlinkPolicy::follow);
    CHECK(paths_of(result.tree) == Paths{"a", "a/to-b", "b", "b/to-a"});
    CHECK(failed_paths(result) == Paths{"a/to-b/to-a", "b/to-a/to-b"});
}

TEST_CASE("directories that all link to each other are followed a bounded number of times, the same ones each time") {
    constexpr int count = 9;
    TempTree tree;
    for (int from = 0; from < count; ++from) {
        for (int to = 0; to < count; ++to) {
            if (from == to) continue;
            tree.link("d" + std::to_string(from) + "/to" + std::to_string(to), "../d" + std::to_string(to));
        }
    }
    WalkResult result = walk_with(tree, SymlinkPolicy::follow);
    auto limited = [](const Problem& problem) { return problem.why.find("times already") != std::string::npos; };
    auto named = std::count_if(result.problems.begin(), result.problems.end(), limited);
    CHECK((named > 0 && named <= count));
    auto is_incomplete = [&result](const std::string& path) {
        return std::binary_search(result.incomplete.begin(), result.incomplete.end(), path, PathLess{});
    };
    for (const Problem& problem : result.problems) CHECK(is_incomplete(problem.path));
    // 100,000 ways lead through nine such directories, a million through ten.
    CHECK(result.tree.size() < 9 * 1000 * 9);
    WalkResult again = walk_with(tree, SymlinkPolicy::follow);
    CHECK(paths_of(again.tree) == paths_of(result.tree));
    CHECK(again.incomplete == result.incomplete);
}

TEST_CASE("links on a target are never followed") {
    TempTree outside, tree;
    outside.write("file", "x");
    tree.link("link", outside.path());
    WalkResult result = walk_with(tree, SymlinkPolicy::follow, true);
    REQUIRE(paths_of(result.tree) == Paths{"link"});
    CHECK(result.tree[0].kind == Kind::symlink);
}
