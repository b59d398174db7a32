// Walks where the system sets limits: few descriptors, no permission, mounts, paths past PATH_MAX.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>

#include "base/rel_path.hpp"
#include "fs/fd.hpp"
#include "fs/walk.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using test::require;
using test::TempTree;

namespace {

WalkResult walk_with(int root, unsigned threads) {
    WalkOptions options;
    options.threads = threads;
    return walk(root, options, {});
}

size_t longest_path(const Tree& tree) {
    size_t longest = 0;
    for (const Entry& entry : tree.entries()) longest = std::max<size_t>(longest, entry.path_size);
    return longest;
}

}  // namespace

TEST_CASE("paths longer than PATH_MAX are listed") {
    TempTree tree(TempTree::Where::memory);
    std::string deep = tree.make_deep(std::string(250, 'd'), 60);
    Fd last = open_directory(tree.fd(), deep);
    REQUIRE(::symlinkat("somewhere", last.get(), "link") == 0);
    WalkResult result = walk_with(tree.fd(), 2);
    CHECK(result.problems.empty());
    REQUIRE(result.tree.size() == 61);
    CHECK(longest_path(result.tree) == deep.size() + 5);
    CHECK(result.tree.link(result.tree[60]) == "somewhere");
}

TEST_CASE("a path beyond all reason is a problem, not the end") {
    TempTree tree(TempTree::Where::memory);
    tree.make_deep(std::string(250, 'd'), 200);
    tree.write("file", "x");
    WalkResult result = walk_with(tree.fd(), 2);
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].why == "File name too long");
    CHECK(result.incomplete == std::vector<std::string>{result.problems[0].path});
    CHECK(result.tree.find("file") != Tree::none);
}

TEST_CASE("few descriptors are enough for deep and for wide trees") {
    TempTree tree(TempTree::Where::memory);
    tree.make_deep("d", 300);
    for (int i = 0; i < 300; ++i) tree.make_directory("w" + std::to_string(i) + "/below/further");
    tree.make_deep("e", 300);
    std::string trouble = test::in_child([&] {
        rlimit limit{64, 64};
        require(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
        for (unsigned threads : {1u, 4u}) {
            WalkResult result = walk_with(tree.fd(), threads);
            require(result.problems.empty(), result.problems.empty() ? "" : result.problems[0].why);
            require(result.tree.size() == 1500, "every entry");
        }
    });
    CHECK(trouble == "");
}

TEST_CASE("what may not be read is named, and the rest is listed") {
    TempTree tree;
    tree.write("closed/inside", "x");
    tree.write("no-search/inside", "x");
    tree.write("open/inside", "x");
    REQUIRE(::chmod(tree.path("closed").c_str(), 0) == 0);
    REQUIRE(::chmod(tree.path("no-search").c_str(), 0444) == 0);
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    std::string trouble = test::in_child([&] {
        require(test::drop_privileges(), "drop privileges");
        WalkResult result = walk_with(tree.fd(), 2);
        std::vector<Problem> expected = {{"closed", "Permission denied"}, {"no-search/inside", "Permission denied"}};
        require(result.problems == expected, "both problems");
        require(result.incomplete == std::vector<std::string>{"closed", "no-search/inside"}, "both incomplete");
        require(result.tree.find("closed") != Tree::none, "the closed directory itself");
        require(result.tree.find("open/inside") != Tree::none, "the rest");
        require(result.tree.size() == 4, "nothing else");
    });
    CHECK(trouble == "");
}

TEST_CASE("a root that may not be read makes everything incomplete") {
    TempTree tree;
    tree.write("root/inside", "x");
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    Fd root = open_root(tree.path("root"));
    REQUIRE(::chmod(tree.path("root").c_str(), 0700) == 0);
    std::string trouble = test::in_child([&] {
        require(test::drop_privileges(), "drop privileges");
        WalkResult result = walk_with(root.get(), 2);
        require(result.incomplete == std::vector<std::string>{""}, "the root is incomplete");
        require(result.tree.empty(), "nothing is known");
    });
    CHECK(trouble == "");
}

TEST_CASE("mount points are flagged and descended into") {
    TempTree tree;
    tree.make_directory("a/mounted");
    tree.make_directory("plain");
    if (::geteuid() != 0) SKIP("only root can mount");
    std::string trouble = test::in_child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", tree.path("a/mounted").c_str(), "tmpfs", 0, "size=1m") != 0) {
            throw std::runtime_error("cannot mount here");
        }
        tree.write("a/mounted/file", "x");
        // A descriptor from before belongs to the other name space, where nothing is mounted.
        Fd root = open_root(tree.path());
        WalkResult result = walk_with(root.get(), 2);
        auto is_mount = [&](const char* path) { return result.tree[result.tree.find(path)].has(mount_point); };
        require(is_mount("a/mounted"), "flagged");
        require(!is_mount("a") && !is_mount("plain") && !is_mount("a/mounted/file"), "others are not");
        require(result.problems.empty(), "no problems");
    });
    if (trouble == "cannot mount here") SKIP("this container forbids mounts: the mount_point flag is not tested");
    CHECK(trouble == "");
}
