#include "config/paths.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("variables expand, and never to nothing") {
    ParseEnvironment environment = make_environment({{"A", "/x"}, {"B", "~"}, {"EMPTY", ""}});
    CHECK(expand_path("${A}/b${A}", environment).text == "/x/b/x");
    CHECK(expand_path("a$b", environment).text == "a$b");
    CHECK(expand_path("~/${A}", environment).text == "/home/user//x");
    CHECK(expand_path("${B}/x", environment).text == "~/x");  // what a variable holds is not expanded again
    CHECK(expand_path("~", environment).text == "/home/user");
    for (std::string bad : {"${UNSET}", "${EMPTY}", "${", "${}", "${1A}", "${A B}", "~bob", "~bob/x"}) {
        INFO(bad);
        CHECK_FALSE(expand_path(bad, environment).error.empty());
    }
    environment.home.clear();
    CHECK(expand_path("~/x", environment).error == "begins with '~', but HOME is not set");
}

TEST_CASE("relative paths are below their directory") {
    ParseEnvironment environment = make_environment();
    CHECK(absolute_path("a//b/./c/", "/d", environment) == "/d/a/b/c");
    CHECK(absolute_path(".", "/d", environment) == "/d");
    CHECK(absolute_path("..", "/d", environment) == "/");
    CHECK(absolute_path("../x", "/no-such/d", environment) == "/no-such/x");
    CHECK(absolute_path("/x/", "/d", environment) == "/x");
    CHECK(absolute_path("/", "/d", environment) == "/");
    CHECK(absolute_path("-x", "/d", environment) == "/d/-x");
}

TEST_CASE("`..` behind a symlink means what the kernel makes of it") {
    TempDirectory temp;
    std::filesystem::create_directories(temp / "real/deep");
    std::filesystem::create_directory_symlink(temp / "real/deep", temp / "link");
    ParseEnvironment environment = make_environment();
    std::string path = absolute_path("link/../x", temp.path(), environment);
    CHECK(resolve_symlinks(path) == temp / "real/x");
    CHECK(absolute_path("real/../x", temp.path(), environment) == temp / "x");
}

TEST_CASE("symlinks are followed wherever they are, dangling and looping ones too") {
    TempDirectory temp;
    std::filesystem::create_directories(temp / "a/b");
    std::filesystem::create_symlink("a", temp / "relative");
    std::filesystem::create_symlink(temp / "gone/x", temp / "dangling");
    std::filesystem::create_symlink("loop", temp / "loop");
    CHECK(resolve_symlinks(temp / "relative/b/new/c") == temp / "a/b/new/c");
    CHECK(resolve_symlinks(temp / "dangling/y") == temp / "gone/x/y");
    CHECK_FALSE(resolve_symlinks(temp / "loop/y").empty());
    CHECK(resolve_symlinks("/") == "/");
    CHECK(resolve_symlinks("/../..") == "/");
}

TEST_CASE("beneath is a matter of whole names") {
    CHECK(is_beneath("/a/b", "/a"));
    CHECK(is_beneath("/a", "/a"));
    CHECK(is_beneath("/a", "/"));
    CHECK_FALSE(is_beneath("/ab", "/a"));
    CHECK_FALSE(is_beneath("/", "/a"));
}
