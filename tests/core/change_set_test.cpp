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

}  // namespace
}  // namespace syncline
