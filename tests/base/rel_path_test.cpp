#include "base/rel_path.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace syncline;

TEST_CASE("names that could leave their directory are not valid") {
    for (std::string_view name : {"", ".", "..", "a/b", "/"}) CHECK_FALSE(is_valid_name(name));
    CHECK_FALSE(is_valid_name(std::string_view("a\0b", 3)));
    for (std::string_view name : {"a", "...", ".git", "-rf", "a b\n", "\xff"}) CHECK(is_valid_name(name));
}

TEST_CASE("a path is valid when all of its components are") {
    for (std::string_view path : {"", "a", "a/b", "..a/b.."}) CHECK(is_valid_path(path));
    for (std::string_view path : {"/a", "a/", "a//b", "./a", "a/../b", "a/.."}) CHECK_FALSE(is_valid_path(path));
}

TEST_CASE("paths are ordered depth first") {
    std::vector<std::string> sorted = {"", "a", "a/b", "a/b/c", "a/z", "a!", "a-b", "ab", "b", "\xff"};
    std::vector<std::string> shuffled(sorted.rbegin(), sorted.rend());
    std::sort(shuffled.begin(), shuffled.end(), PathLess{});
    CHECK(shuffled == sorted);
}

TEST_CASE("the order holds wherever two long paths part") {
    std::string base = "directory/with/a/rather/long/path/of/many/words";
    for (size_t i = 0; i < base.size(); ++i) {
        std::string other = base;
        other[i] = other[i] == '/' ? 'x' : '/';
        bool other_is_smaller = other[i] == '/';
        CHECK((compare_paths(other, base) < 0) == other_is_smaller);
        CHECK((compare_paths(base, other) > 0) == other_is_smaller);
        CHECK(compare_paths(base.substr(0, i), base) < 0);
        CHECK(compare_paths(base, base) == 0);
    }
}

TEST_CASE("parents, names and ancestors") {
    CHECK(parent_path("a/b/c") == "a/b");
    CHECK(parent_path("a").empty());
    CHECK(last_name("a/b/c") == "c");
    CHECK(join_path("", "a") == "a");
    CHECK(join_path("a", "b") == "a/b");
    CHECK(is_at_or_below("a/b", "a"));
    CHECK(is_at_or_below("a", "a"));
    CHECK(is_at_or_below("a", ""));
    CHECK_FALSE(is_at_or_below("ab", "a"));
    CHECK_FALSE(is_at_or_below("a", "a/b"));
}
