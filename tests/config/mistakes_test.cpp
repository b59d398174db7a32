#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("duplicates do not hide other errors") {
    ParseOutcome outcome = parse(R"(version = 1
[jobs.a]
root = "/r/a"
remote = "/t/a"
root = "/r/b"     # again
exclude = ["x"]
exclude = [
  "#]",           # ]
  "y",
]
interwal = "5m"
version.x = 1
[jobs.a]
remote = "/elsewhere"
on_halt = """
[jobs.a]"""
[jobs.a.clean]
max_age = "never"
[version.b]
[jobs."c"]
root = "/r/c"
  'root' = "/r/c"
remote = "/t/c"
watch = 1
)");
    CHECK(texts(outcome.errors) ==
          std::vector<std::string>{
              "jobs.toml:5:1: duplicate key 'root' in [jobs.a]; first at line 3",
              "jobs.toml:7:1: duplicate key 'exclude' in [jobs.a]; first at line 6",
              "jobs.toml:11:1: unknown key 'interwal' in [jobs.a]; did you mean 'interval'?",
              "jobs.toml:12:1: unknown key 'version' in [jobs.a]",
              "jobs.toml:13:1: duplicate table [jobs.a]; first at line 2",
              "jobs.toml:18:11: 'max_age' in [jobs.a.clean] must be a duration in a string, such as \"30s\", \"45m\", "
              "\"12h\", \"30d\" or \"2w\", over zero and under 100 years, not \"never\"",
              "jobs.toml:19:1: duplicate table [version.b]; first at line 1",
              "jobs.toml:22:3: duplicate key ''root'' in [jobs.\"c\"]; first at line 21",
              "jobs.toml:24:9: 'watch' in [jobs.c] must be true or false, not an integer",
          });
}

TEST_CASE("a syntax error behind duplicates is reported with them") {
    CHECK(texts(parse("version = 1\nversion = 1\nx = = 2\nversion = 2\n").errors).size() == 2);
    CHECK(parse_job("clean = { auto = true, auto = false }\n").errors.at(0).line == 5);
    std::string many = "version = 1\n";
    for (int count = 0; count < 300; ++count) many += "version = 1\n";
    CHECK(parse(many).errors.size() == 101);
}

TEST_CASE("a syntax error shows the character that it is about once escaped") {
    CHECK(joined(parse("version = 1\nx = \n").errors).find("saw '\\n'") != std::string::npos);
    CHECK(joined(parse("version = 1\nx = \n").errors).find("\\\\") == std::string::npos);
}

TEST_CASE("a pattern that can never match is an error") {
    for (std::string pattern : {"../a", "a/../b", "a/..", "..", "a/./b", "a/.", ".", "a//b", "//a"}) {
        ParseOutcome outcome = parse_job("exclude = [\"" + pattern + "\"]\n");
        INFO(pattern);
        REQUIRE(outcome.errors.size() == 1);
        CHECK(outcome.errors[0].message.find("it never matches") != std::string::npos);
    }
    for (std::string pattern : {"./a", "/a", "a/", "a//", "..a", "a../b", ".a", "**/.x", "/"}) {
        std::string errors = joined(parse_job("exclude = [\"" + pattern + "\"]\n").errors);
        CHECK(errors.find("never matches") == std::string::npos);
    }
}

TEST_CASE("a file full of mistakes is answered soon") {
    std::string text = "version = 1\n";
    for (int number = 0; number < 100'000; ++number) text += "interwal_and_more_" + std::to_string(number) + " = 1\n";
    CHECK(parse(text).errors.size() == 1000);
}

TEST_CASE("depth is bounded, in values and in keys") {
    CHECK_FALSE(parse("version = 1\nx = " + std::string(100, '[') + std::string(100, ']')).errors.empty());
    CHECK_FALSE(parse("version = 1\nx = " + std::string(100'000, '[')).errors.empty());
    std::string key = "a";
    for (int part = 0; part < 200'000; ++part) key += ".a";
    CHECK(parse("version = 1\n" + key + " = 1").errors.at(0).text() == "jobs.toml:2:34: this key has too many parts");
    CHECK_FALSE(parse("[" + key + "]").errors.empty());
    // Dots in strings and comments are no key.
    std::string dots(100, '.');
    CHECK(parse_job("# " + dots + "\non_halt = \"" + dots + "\"\non_success = '''\n" + dots + "\"'''\n").file);
}
