#include "core/ignore.hpp"

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <random>

#include "base/rel_path.hpp"

using namespace syncline;

namespace {

/// "" when no rule matches, else the text of the one that counts.
std::string deciding(std::string_view rules, std::string_view path, bool is_directory = false) {
    IgnoreRules parsed(".gitignore", rules);
    const IgnoreRule* rule = parsed.last_match(path, last_name(path), is_directory);
    return rule == nullptr ? "" : rule->text;
}

bool says_ignored(std::string_view rules, std::string_view path, bool is_directory = false) {
    std::string text = deciding(rules, path, is_directory);
    return !text.empty() && !text.starts_with('!');
}

IgnoreRulesPtr rules(std::string file, std::string_view text) {
    return std::make_shared<const IgnoreRules>(std::move(file), text);
}

IgnoreChain frame(IgnoreChain outer, std::string directory, std::vector<IgnoreRulesPtr> layers) {
    return std::make_shared<const IgnoreFrame>(
        IgnoreFrame{std::move(outer), std::move(directory), "", std::move(layers), {}, {}});
}

}  // namespace

TEST_CASE("the last matching line counts, and its number is known") {
    std::string_view text = "*.log\n\n# a comment\n!keep.log\nkeep.log/\n";
    CHECK(deciding(text, "a/x.log") == "*.log");
    CHECK(deciding(text, "keep.log") == "!keep.log");
    CHECK(deciding(text, "keep.log", true) == "keep.log/");
    CHECK(deciding(text, "other").empty());
    IgnoreRules parsed("sub/.gitignore", text);
    CHECK(parsed.last_match("keep.log", "keep.log", false)->line == 4);
    CHECK(parsed.file() == "sub/.gitignore");
}

TEST_CASE("a slash before the end anchors a pattern") {
    CHECK(says_ignored("/a", "a"));
    CHECK_FALSE(says_ignored("/a", "b/a"));
    CHECK(says_ignored("b/a", "b/a"));
    CHECK_FALSE(says_ignored("b/a", "c/b/a"));
    CHECK(says_ignored("a/", "b/a", true));
    CHECK_FALSE(says_ignored("a/", "b/a", false));
    CHECK(says_ignored("**/b/a", "c/b/a"));
    CHECK(says_ignored("a/**", "a/b/c"));
    CHECK_FALSE(says_ignored("a/**", "a", true));
    CHECK(says_ignored("a/**/b", "a/b"));
    CHECK(says_ignored("a/**/b", "a/x/y/b"));
    CHECK_FALSE(says_ignored("a/*", "a/b/c"));
}

TEST_CASE("escapes, spaces and odd line ends are read as git reads them") {
    CHECK(says_ignored("\\#x", "#x"));
    CHECK_FALSE(says_ignored("#x", "#x"));
    CHECK(says_ignored("\\!x", "!x"));
    CHECK(says_ignored("a  ", "a"));
    CHECK(says_ignored("a\\  ", "a "));
    CHECK_FALSE(says_ignored("a\t", "a"));
    CHECK(says_ignored("a\r\nb\r", "a"));
    CHECK(says_ignored("a\r\nb\r", "b"));
    CHECK(says_ignored("a\rb", "a\rb"));
    CHECK(
        says_ignored("\xef\xbb\xbf"
                     "a",
                     "a"));
    CHECK(says_ignored(std::string_view("a\0b", 3), "a"));
    CHECK_FALSE(says_ignored("a\\", "a\\"));
    CHECK_FALSE(says_ignored("[a", "[a"));
    CHECK(says_ignored("[[:space:]]", "\t"));
    CHECK_FALSE(says_ignored("[[:space:]]", "\v"));
    for (std::string_view nothing : {"", "/", "!", "!/", "//", "\n\n", "   "})
        CHECK(deciding(nothing, "a", true).empty());
}

TEST_CASE("inner files win over outer ones, and a stronger name over a weaker one at all levels") {
    // Layers: .synclineignore, then .gitignore.
    IgnoreChain outer =
        frame(nullptr, "", {rules(".synclineignore", "!*.keep\n/in/one"), rules(".gitignore", "*.o\n*.keep")});
    IgnoreChain inner = frame(outer, "in", {nullptr, rules("in/.gitignore", "!*.o\n*.keep\n/two")});
    auto ignored = [&](std::string_view path) { return find_ignore_rule(inner, path, false).ignored(); };
    CHECK(find_ignore_rule(outer, "a.o", false).ignored());
    CHECK_FALSE(ignored("in/a.o"));
    CHECK_FALSE(ignored("in/a.keep"));
    CHECK(ignored("in/one"));
    CHECK(ignored("in/two"));
    CHECK(find_ignore_rule(inner, "in/two", false).rules->file() == "in/.gitignore");
    CHECK(find_ignore_rule(nullptr, "a", false).rule == nullptr);
}

TEST_CASE("at a border one layer ends and the others go on") {
    IgnoreChain outer = frame(nullptr, "", {rules(".synclineignore", "*.tmp"), rules(".gitignore", "*.o")});
    IgnoreFrame border{outer, "nested", "", {nullptr, nullptr}, 1, {rules("info", "!b.x"), rules("user", "*.x\n/top")}};
    IgnoreChain inner = std::make_shared<const IgnoreFrame>(std::move(border));
    auto ignored = [&](std::string_view path) { return find_ignore_rule(inner, path, false).ignored(); };
    CHECK_FALSE(ignored("nested/a.o"));
    CHECK(ignored("nested/a.tmp"));
    CHECK(ignored("nested/a.x"));
    CHECK_FALSE(ignored("nested/b.x"));
    CHECK(ignored("nested/top"));
}

TEST_CASE("a frame above the root sees the whole way") {
    IgnoreFrame above{nullptr, "", "a/b/", {rules("/repo/.gitignore", "/a/b/x\na/*/y\nz")}, {}, {}};
    IgnoreChain chain = std::make_shared<const IgnoreFrame>(std::move(above));
    for (std::string_view path : {"x", "y", "z", "c/z"}) CHECK(find_ignore_rule(chain, path, false).ignored());
    for (std::string_view path : {"c/x", "c/y"}) CHECK_FALSE(find_ignore_rule(chain, path, false).ignored());
}

TEST_CASE("any bytes are rules, and none of them makes matching slow") {
    std::mt19937_64 random(11);
    constexpr std::string_view bytes("#!/\\*?[]:-ab \t\r\n\0\xef\xff", 19);
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (size_t left = random() % 40; left > 0; --left) text += bytes[random() % bytes.size()];
        (void)deciding(text, "ab/a b/]:", i % 2 == 0);
    }
    auto begin = std::chrono::steady_clock::now();
    std::string stars, components, deep;
    for (int i = 0; i < 500; ++i) stars += "*a", components += "**/", deep += "aa/";
    CHECK_FALSE(says_ignored(stars + "b", std::string(4000, 'a')));
    CHECK_FALSE(says_ignored("/" + components + stars + "?b", deep + std::string(2000, 'a')));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}
