#include "core/name_folding.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <map>

#include "base/rel_path.hpp"

using namespace syncline;

namespace {

/// A tree of files and, ending with a slash, directories.
Tree listed(const std::vector<std::string>& paths) {
    TreeBuilder builder;
    for (std::string path : paths) {
        Entry entry;
        if (path.ends_with('/')) {
            entry.kind = Kind::directory;
            path.pop_back();
        }
        builder.add(path, entry);
    }
    return builder.finish();
}

std::vector<std::string> paths_of(const Tree& tree) {
    std::vector<std::string> paths;
    for (const Entry& entry : tree.entries()) paths.emplace_back(tree.path(entry));
    return paths;
}

std::vector<std::string> colliding(const Tree& source, const Tree& target) {
    std::vector<std::string> paths;
    for (uint32_t index : fold_sides(source, target, {}).colliding) paths.emplace_back(source.path(index));
    return paths;
}

}  // namespace

TEST_CASE("names are folded by the alphabets that have case") {
    CHECK(fold_name("NaMe.TXT") == "name.txt");
    CHECK(fold_name("ÄÖÜ Ça Ÿ ŁÓDŹ") == "äöü ça ÿ łódź");
    CHECK(fold_name("ΑΒΓ ΌΣΟ ПРИВЕТ Ё ԱԲ ＡＢ") == "αβγ όσο привет ё աբ ａｂ");
    CHECK(fold_name("ß 名前 ×÷ 🙂") == "ß 名前 ×÷ 🙂");
    CHECK(fold_name("a\xff\xc3"
                    "B\xe4\xb8") ==
          "a\xff\xc3"
          "b\xe4\xb8");
}

TEST_CASE("of colliding names one stays: the one that the target has, else the first") {
    Tree source = listed({"A", "Dev/", "Dev/a", "a", "dev/", "dev/b", "x"});
    CHECK(colliding(source, listed({})) == std::vector<std::string>{"a", "dev"});
    CHECK(colliding(source, listed({"a", "dev/", "dev/b"})) == std::vector<std::string>{"A", "Dev"});
    CHECK(colliding(source, listed({"A", "dev/"})) == std::vector<std::string>{"Dev", "a"});
    CHECK(colliding(listed({"x/", "x/A", "y/", "y/a"}), listed({})).empty());
}

TEST_CASE("a change of case is a move, and what lies below follows") {
    Tree source = listed({"DEV/", "DEV/Sub/", "DEV/Sub/f", "Name", "new"});
    Tree target = listed({"Dev/", "Dev/only", "Dev/sub/", "Dev/sub/f", "name"});
    Baseline baseline;
    for (std::string_view path : {"Dev", "Dev/sub", "Dev/sub/f", "gone", "name"}) baseline.add(path, BaselineEntry{});
    FoldedSides folded = fold_sides(source, target, baseline);
    CHECK(folded.moves == std::vector<CaseMove>{{"Dev", "DEV"}, {"DEV/sub", "DEV/Sub"}, {"name", "Name"}});
    CHECK(paths_of(folded.target) == std::vector<std::string>{"DEV", "DEV/Sub", "DEV/Sub/f", "DEV/only", "Name"});
    std::map<std::string, std::string> rows;
    for (const RespelledRow& row : folded.rows) rows[row.from] = folded.baseline.path(row.row);
    CHECK(rows == std::map<std::string, std::string>{
                      {"Dev", "DEV"}, {"Dev/sub", "DEV/Sub"}, {"Dev/sub/f", "DEV/Sub/f"}, {"name", "Name"}});
    CHECK(folded.baseline.find("gone") != Tree::none);

    Plan plan;
    add_to_plan(folded, {"Name"}, folded.target, plan);
    REQUIRE(plan.moves.size() == 1);
    CHECK(plan.moves[0].from == "name");
    CHECK(action_path(plan.actions[0], source, folded.target) == "Name");
}

/// Every source and target over names of one letter in two directories.
TEST_CASE("whatever there is, the target's names become the source's and none is lost") {
    const std::vector<std::string> names = {"A", "a", "D/", "D/x", "d/", "d/X", "d/x"};
    auto subset = [&](unsigned bits) {
        std::vector<std::string> chosen;
        for (size_t i = 0; i < names.size(); ++i) {
            if ((bits & 1u << i) == 0) continue;
            std::string parent(parent_path(names[i].ends_with('/') ? "" : names[i]));
            bool has_parent = parent.empty() || std::find(chosen.begin(), chosen.end(), parent + "/") != chosen.end();
            if (has_parent) chosen.push_back(names[i]);
        }
        return listed(chosen);
    };
    for (unsigned source_bits = 0; source_bits < 1u << names.size(); ++source_bits) {
        Tree source = subset(source_bits);
        for (unsigned target_bits = 0; target_bits < 1u << names.size(); ++target_bits) {
            Tree target = subset(target_bits);
            FoldedSides folded = fold_sides(source, target, {});
            if (!folded.moves.empty()) REQUIRE(folded.target.size() == target.size());
            // What is left of the source has one name each.
            std::map<std::string, int> seen;
            for (const Entry& entry : source.entries()) {
                bool is_out = false;
                for (uint32_t top : folded.colliding) is_out |= is_at_or_below(source.path(entry), source.path(top));
                if (!is_out) REQUIRE(++seen[fold_name(source.path(entry))] == 1);
            }
        }
    }
}
