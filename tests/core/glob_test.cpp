#include "core/glob.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <random>

#include "base/rel_path.hpp"

using namespace syncline;

namespace {

Glob glob(std::string_view pattern) {
    std::string why;
    std::optional<Glob> result = Glob::compile(pattern, why);
    INFO(pattern << ": " << why);
    REQUIRE(result);
    return *result;
}

bool file(std::string_view pattern, std::string_view path) { return glob(pattern).matches(path, false); }
bool directory(std::string_view pattern, std::string_view path) { return glob(pattern).matches(path, true); }

std::string why_not(std::string_view pattern) {
    std::string why;
    CHECK_FALSE(Glob::compile(pattern, why));
    return why;
}

}  // namespace

TEST_CASE("a glob without a slash matches a name at any depth") {
    for (std::string_view path : {"x.log", "a/x.log", "a/b/.log", ".hidden.log"}) CHECK(file("*.log", path));
    for (std::string_view path : {"x.logs", "log", "a/x.log.gz"}) CHECK_FALSE(file("*.log", path));
    CHECK(file("core", "a/core"));
    CHECK_FALSE(file("core", "a/core2"));
    CHECK(file("?", "a/b"));
    CHECK(file("[a-c]x", "d/bx"));
    CHECK(file("*", ".hidden"));
}

TEST_CASE("what lies below a matched directory is matched, but not as an entry by itself") {
    CHECK(file("build", "a/build/x/y"));
    CHECK_FALSE(glob("build").matches_entry("a/build/x", false));
    CHECK(glob("build").matches_entry("a/build", true));
}

TEST_CASE("a glob with a slash is held against the whole path") {
    CHECK(file("a/*.c", "a/x.c"));
    CHECK_FALSE(file("a/*.c", "b/a/x.c"));
    CHECK_FALSE(file("a/*.c", "a/b/x.c"));
    CHECK(file("/x", "x"));
    CHECK(file("./x", "x"));
    CHECK_FALSE(file("/x", "a/x"));
    CHECK(file("a?b", "a-b"));
    CHECK_FALSE(file("x/a?b", "x/a/b"));
    CHECK_FALSE(file("x/a[/]b", "x/a/b"));
    CHECK_FALSE(file("x/a[!c]b", "x/a/b"));
}

TEST_CASE("two stars cross directories where they are a whole component") {
    for (std::string_view path : {"x", "a/x", "a/b/x"}) CHECK(file("**/x", path));
    for (std::string_view path : {"a/x", "a/b/x", "a/b/c/x"}) CHECK(file("a/**/x", path));
    CHECK_FALSE(file("a/**/x", "a/bx"));
    CHECK(file("**/a/*.c", "p/q/a/x.c"));
    CHECK_FALSE(file("**/a/*.c", "p/a/q/x.c"));
    CHECK_FALSE(file("d/a**b", "d/a/b"));
    CHECK(file("d/a**b", "d/axb"));
    for (std::string_view pattern : {"**", "/**", "**/**", "**/*", "**/**/*"}) {
        CHECK(file(pattern, "x"));
        CHECK(file(pattern, "a/b/x"));
    }
}

TEST_CASE("X/** matches the directory X and all below it") {
    CHECK(directory("target/**", "target"));
    CHECK(file("target/**", "target/a/b"));
    CHECK_FALSE(directory("target/**", "a/target"));
    CHECK(directory("**/target/**", "a/target"));
    CHECK(file("**/target/**", "a/target/b/c"));
    CHECK(directory("*/**", "a"));
    CHECK_FALSE(file("*/**", "README"));
}

TEST_CASE("a trailing slash matches directories only") {
    CHECK(directory("build/", "a/build"));
    CHECK_FALSE(file("build/", "a/build"));
    CHECK(file("build/", "build/x"));
    CHECK(directory("/build/", "build"));
    CHECK_FALSE(directory("/build/", "a/build"));
}

TEST_CASE("each alternative of a brace is a pattern of its own") {
    for (std::string_view path : {"x.c", "a/x.h", "x.cc"}) CHECK(file("*.{c,h,c{c,pp}}", path));
    CHECK_FALSE(file("*.{c,h}", "x.o"));
    CHECK(file("{a/b,c}", "x/c"));
    CHECK_FALSE(file("{a/b,c}", "x/a/b"));
    CHECK(file("x{,.bak}", "x"));
    CHECK(file("{[,],b}", ","));
    CHECK(file("a}", "a}"));
    CHECK(file("a,b", "a,b"));
}

TEST_CASE("a question mark and a set are one character of UTF-8") {
    auto matches = [](std::string_view pattern, std::string_view path) {
        std::string why;
        return Glob::compile(pattern, why)->matches(path, false);
    };
    CHECK(matches("caf?", "café"));
    CHECK_FALSE(matches("caf??", "café"));
    CHECK(matches("?", "名"));
    CHECK(matches("??", "名🙂"));
    CHECK(matches("[éè]x", "èx"));
    CHECK_FALSE(matches("[éè]x", "êx"));
    CHECK(matches("[à-ï]", "é"));
    CHECK_FALSE(matches("[à-ï]", "ó"));
    CHECK(matches("[!a]", "é"));
    CHECK_FALSE(matches("[!é]", "é"));
    CHECK_FALSE(matches("*[!é]", "xé"));
    CHECK(matches("*[!é]", "éx"));
    CHECK_FALSE(matches("*é?", "xé"));
    CHECK(matches("[[:alpha:]é-]", "-"));
    CHECK(matches("[]é]", "]"));
    // A byte that is part of no character counts as one.
    CHECK(matches("a?b",
                  "a\xff"
                  "b"));
    CHECK(matches("??", "\xc3\xc3"));
}

TEST_CASE("a backslash takes the next character as it is") {
    CHECK(file("\\*", "*"));
    CHECK_FALSE(file("\\*", "a"));
    CHECK(file("\\{a,b\\}", "{a,b}"));
    CHECK(file("[\\]]", "]"));
    CHECK(file("a\\/b", "a/b"));
}

TEST_CASE("what is wrong with a pattern is said") {
    CHECK(why_not("").find("empty") != std::string::npos);
    CHECK(why_not("/").find("empty") != std::string::npos);
    CHECK(why_not("a[b").find("'['") != std::string::npos);
    CHECK(why_not("[]").find("'['") != std::string::npos);
    CHECK(why_not("[[:letter:]]").find("class") != std::string::npos);
    CHECK(why_not("{a,b").find("'{'") != std::string::npos);
    CHECK(why_not("{a\\}").find("'{'") != std::string::npos);
    CHECK(why_not("a\\").find("'\\'") != std::string::npos);
    CHECK(why_not("{{{{{{{{{a}}}}}}}}}").find("8 deep") != std::string::npos);
    CHECK(why_not("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").find("1,024") != std::string::npos);
    CHECK(why_not(std::string(100'000, 'a')).find("64 KiB") != std::string::npos);
    CHECK(why_not(std::string(1'000'000, '{')).find("64 KiB") != std::string::npos);
}

namespace {

/// Says by trying everything, without any cleverness, whether `pattern` (no braces, no brackets) matches `text`.
bool reference(std::string_view pattern, std::string_view text, bool at_start = true) {
    if (pattern.empty()) return text.empty();
    if (at_start && pattern == "**") return true;
    if (at_start && pattern.starts_with("**/")) {
        if (reference(pattern.substr(3), text)) return true;
        size_t slash = text.find('/');
        return slash != std::string_view::npos && reference(pattern, text.substr(slash + 1));
    }
    if (pattern[0] == '*') {
        for (size_t length = 0;; ++length) {
            if (reference(pattern.substr(1), text.substr(length), false)) return true;
            if (length == text.size() || text[length] == '/') return false;
        }
    }
    if (text.empty() || (pattern[0] == '?' ? text[0] == '/' : text[0] != pattern[0])) return false;
    return reference(pattern.substr(1), text.substr(1), pattern[0] == '/');
}

/// The rules of glob.hpp on top of `reference`.
bool reference_entry(std::string_view pattern, std::string_view path, bool is_directory) {
    bool anchored = pattern.starts_with('/');
    if (anchored) pattern.remove_prefix(1);
    if (pattern.ends_with("/**") && pattern != "**/**")
        return is_directory && reference(pattern.substr(0, pattern.size() - 3), path);
    if (pattern.ends_with('/'))
        return is_directory &&
               reference_entry(std::string(anchored ? "/" : "") + std::string(pattern.substr(0, pattern.size() - 1)),
                               path, true);
    bool is_name = !anchored && pattern.find('/') == std::string_view::npos;
    return reference(pattern, is_name ? last_name(path) : path);
}

std::string random_text(std::mt19937_64& random, std::string_view alphabet, size_t limit) {
    std::string text;
    for (size_t left = 1 + random() % limit; left > 0; --left) text += alphabet[random() % alphabet.size()];
    return text;
}

}  // namespace

TEST_CASE("matching agrees with trying everything, on random small patterns") {
    std::mt19937_64 random(20260131);
    size_t compared = 0, matched = 0;
    while (compared < 300'000) {
        std::string path = random_text(random, "aab/", 9), pattern = random_text(random, "aab/**?", 8);
        // Odd ends such as "//" and "a/**/**/" are covered where their meaning is plain.
        bool is_odd = pattern == "/" || pattern.find("//") != std::string::npos || pattern.ends_with("**/") ||
                      pattern.ends_with("**/**") || pattern.find("***") != std::string::npos;
        if (is_odd || !is_valid_path(path)) continue;
        bool is_directory = random() % 2 == 0;
        bool expected = reference_entry(pattern, path, is_directory);
        ++compared, matched += expected;
        if (glob(pattern).matches_entry(path, is_directory) == expected) continue;
        FAIL_CHECK(pattern << " against " << path << (is_directory ? "/" : "") << " should be " << expected);
    }
    CHECK(matched > compared / 50);
}

TEST_CASE("no pattern makes matching slow") {
    auto begin = std::chrono::steady_clock::now();
    std::string stars, components, path(4000, 'a');
    for (int i = 0; i < 500; ++i) stars += "*a", components += "**/a*/";
    CHECK_FALSE(file(stars + "b", path));
    CHECK_FALSE(file("x/" + stars + "b", "x/" + path));
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "aa/";
    CHECK_FALSE(glob(components + "b?").matches_entry(deep + "c", false));
    CHECK_FALSE(glob(components + "*b*").matches_entry(deep + "c", false));
    // Seconds of room for busy machines; anything exponential would never end.
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("any bytes can be compiled and matched") {
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        std::string pattern = random_text(random, std::string_view("{}[],*?\\/!^-:]ab\0\xff.", 19), 24), why;
        std::optional<Glob> result = Glob::compile(pattern, why);
        if (result) {
            (void)result->matches("ab/a,b/]-", false);
            CHECK(result->pattern() == pattern);
        } else {
            CHECK_FALSE(why.empty());
        }
    }
}
