#include "core/taken_aside.hpp"

#include <catch2/catch_test_macros.hpp>

#include "core/own_names.hpp"

using namespace syncline;

namespace {

constexpr std::string_view tail = "0123456789abcdef";

Digest digest_with(uint8_t first) {
    Digest digest;
    digest.bytes[0] = first;
    return digest;
}

Tree tree_with(std::initializer_list<std::string_view> paths) {
    TreeBuilder builder;
    for (std::string_view path : paths) builder.add(path, Entry{});
    return builder.finish();
}

}  // namespace

TEST_CASE("only the whole pattern is a name of our own") {
    std::string aside = aside_name("name", tail);
    CHECK(is_aside_name(aside));
    CHECK(is_aside_of(aside, "name"));
    CHECK_FALSE(is_aside_of(aside, "Name"));
    CHECK(aside_tail(aside) == tail);
    for (std::string wrong : {aside + "0", aside.substr(0, aside.size() - 1), std::string(".syncline-old-"),
                              aside_name("name", "0123456789abcdeF"), "x" + aside})
        CHECK_FALSE(is_aside_name(wrong));
}

TEST_CASE("a kept name is told from a person's, and is no longer than a name may be") {
    CHECK(kept_name("notes.txt", "01234567") == "notes.txt.syncline-kept-01234567");
    CHECK(is_kept_name("notes.txt.syncline-kept-01234567"));
    for (std::string wrong : {".syncline-kept-01234567", "x.syncline-kept-0123456", "x.syncline-kept-0123456g",
                              "x.syncline-kept-01234567.txt"})
        CHECK_FALSE(is_kept_name(wrong));
    std::string whole_characters;
    for (int i = 0; i < 127; ++i) whole_characters += "é";
    std::string kept = kept_name(whole_characters, "01234567");
    CHECK(kept.size() <= 255);
    CHECK(is_kept_name(kept));
    CHECK(kept.find(".syncline") % 2 == 0);
}

TEST_CASE("what was taken aside is traced to its name by whatever knows that") {
    std::string aside = aside_name("f", tail);
    Baseline baseline;
    BaselineEntry row;
    row.digest = digest_with(7);
    baseline.add("d/f", row);
    auto items = trace_taken_aside({aside, "d/" + aside, "e/" + aside}, tree_with({"e", "e/f"}), tree_with({"f", "g"}),
                                   baseline);
    CHECK(items[0].original == "f");
    CHECK(items[0].known_contents.empty());
    CHECK(items[1].original == "d/f");
    CHECK(items[1].known_contents == std::vector{digest_with(7)});
    CHECK(items[2].original == "e/f");
    items = trace_taken_aside({"x/" + aside}, tree_with({}), tree_with({}), baseline);
    CHECK(items[0].original.empty());
}

TEST_CASE("what was given back is left alone with all above and below it") {
    Tree source = tree_with({"new"});
    Tree target = tree_with({"a", "a/b", "a/c", "d", "e"});
    Plan plan;
    auto act = [&](Op op, Phase phase, std::string_view path) {
        Action action;
        action.op = op;
        action.phase = phase;
        action.target = target.find(path);
        plan.actions.push_back(action);
    };
    Action put;
    put.source = source.find("new");
    plan.actions.push_back(put);
    act(Op::chmod, Phase::build, "a");
    for (std::string_view path : {"a/b", "a/c", "d"}) act(Op::remove, Phase::prune, path);
    act(Op::rmdir, Phase::prune, "a");
    plan.deletes = 3;
    leave_alone(plan, source, target, {"a/b"});
    CHECK(plan.deletes == 2);
    REQUIRE(plan.actions.size() == 4);
    CHECK(plan.actions[1].op == Op::chmod);
    CHECK(target.path(plan.actions[2].target) == "a/c");
    CHECK(target.path(plan.actions[3].target) == "d");
}
