#include "core/change_set.hpp"

#include <catch2/catch_test_macros.hpp>

namespace syncline {
namespace {

using Paths = std::vector<std::string>;

TEST_CASE("Changes are given in order, and what is below another is part of it") {
    ChangeSet set;
    CHECK(set.empty());
    for (const char* path : {"b", "a/c", "a-b", "a/c/d", "a/c/e/f", "a", "b"}) set.add(path);
    CHECK(set.size() == 6);
    CHECK(set.paths() == Paths{"a", "a-b", "b"});
    CHECK(outermost_paths({"x/y", "x/y/z", "x", "x/y"}) == Paths{"x"});
    CHECK(outermost_paths({"x/y", "x-", "x/z"}) == Paths{"x/y", "x/z", "x-"});
}

TEST_CASE("Everything is the root, and more than can be remembered") {
    ChangeSet set;
    set.add("a");
    set.add("");
    CHECK(set.everything());
    set.add("b");
    CHECK(set.paths().empty());

    ChangeSet many;
    for (int i = 0; i < 200'000; ++i) many.add(std::to_string(i));
    CHECK(many.everything());
    ChangeSet sum;
    sum.add("a");
    CHECK_FALSE(sum.empty());
    sum.add(many);
    CHECK(sum.everything());
}

TEST_CASE("A file that is open is no change yet, and what was closed is read whatever its stamp says") {
    using Files = std::set<std::string, PathLess>;
    ChangeSet set;
    set.add("new");
    set.add_open("new");
    set.add_open("d/log");
    CHECK((set.empty() && set.open() == Files{"d/log", "new"}));
    CHECK(set.named() == Paths{"d/log", "new"});
    set.add_closed("new");
    CHECK((set.paths() == Paths{"new"} && set.unproven() == Paths{"new"} && set.open() == Files{"d/log"}));

    ChangeSet later;
    later.add_closed("d/log");
    later.add_open("new");
    later.add_inode(5);
    set.add(later);
    CHECK((set.paths() == Paths{"d/log"} && set.open() == Files{"new"} && set.inodes() == std::set<uint64_t>{5}));
    set.add_gone("d");
    CHECK(set.unproven() == Paths{"new"});
    set.add_everything();
    CHECK((set.open() == Files{"new"} && set.unproven() == Paths{"new"}));
}

}  // namespace
}  // namespace syncline
