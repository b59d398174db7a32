#include "core/filter.hpp"

#include <catch2/catch_test_macros.hpp>
#include <map>

#include "base/rel_path.hpp"

using namespace syncline;

namespace {

using Choice = Verdict::Choice;

/// Chains by directory; a directory without one has that of its parent.
class FixedIgnores : public IgnoreSource {
  public:
    void add(const std::string& directory, const std::string& file, std::string_view text) {
        auto rules = std::make_shared<const IgnoreRules>(file, text);
        IgnoreChain outer = directory.empty() ? nullptr : chain_for(parent_path(directory));
        chains_[directory] = std::make_shared<const IgnoreFrame>(IgnoreFrame{outer, directory, "", {rules}, {}, {}});
    }
    IgnoreChain chain_for(std::string_view directory) override {
        if (auto known = chains_.find(std::string(directory)); known != chains_.end()) return known->second;
        return directory.empty() ? nullptr : chain_for(parent_path(directory));
    }

  private:
    std::map<std::string, IgnoreChain> chains_;
};

GlobRule rule(std::string_view pattern, std::string origin, std::string base = "") {
    std::string why;
    std::optional<Glob> glob = Glob::compile(pattern, why);
    REQUIRE(glob);
    return {*glob, std::move(base), std::move(origin)};
}

}  // namespace

TEST_CASE("a rule that leaves out the whole root is named") {
    FixedIgnores ignores;
    CHECK(Filter().explain_empty_root(ignores).empty());
    ignores.add("", "../.gitignore", "*.o\n*\n");
    CHECK(Filter().explain_empty_root(ignores) == "../.gitignore:2: '*'");
    FixedIgnores directories_stay;
    directories_stay.add("", ".gitignore", "*\n!*/\n");
    CHECK(Filter().explain_empty_root(directories_stay).empty());
    FixedIgnores none;
    CHECK(Filter({.exclude = {rule("**", "jobs.toml:3")}}).explain_empty_root(none) == "jobs.toml:3: exclude '**'");
    CHECK(Filter({.include = {rule("*.c", "jobs.toml:3")}}).explain_empty_root(none).empty());
}

TEST_CASE("without rules everything is selected but .git") {
    Filter filter;
    CHECK(filter.judge(nullptr, "a/.env", false) == Choice::selected);
    CHECK(filter.judge(nullptr, ".git", true) == Choice::unselected);
    CHECK(filter.judge(nullptr, "module/.git", false) == Choice::unselected);
    CHECK(filter.judge(nullptr, ".gitignore", false) == Choice::selected);
    FilterSpec backup;
    backup.include_git = true;
    CHECK(Filter(backup).judge(nullptr, ".git", true) == Choice::selected);
}

TEST_CASE("excludes hold below their base only, and no include or ignore file brings anything back") {
    FilterSpec spec;
    spec.exclude = {rule("*.log", "jobs.toml:14"), rule("/out", "--exclude", "sub")};
    spec.include = {rule("**", "--include")};
    Filter filter(spec);
    FixedIgnores ignores;
    ignores.add("", ".gitignore", "!*.log\n!out\n*.o");
    auto judge = [&](std::string_view path) { return filter.judge(ignores.chain_for(""), path, false); };
    CHECK(judge("x.log") == Choice::unselected);
    CHECK(judge("sub/out") == Choice::unselected);
    CHECK(judge("out") == Choice::selected);
    CHECK(judge("sub/a/out") == Choice::selected);
    CHECK(judge("subs/out") == Choice::selected);
    CHECK(judge("a.o") == Choice::unselected);
}

TEST_CASE("a glob may be relative to a directory above the root") {
    auto from_above = [](std::string_view pattern) {
        GlobRule made = rule(pattern, "--exclude");
        made.prefix = "w/src/";
        return made;
    };
    auto judge = [&](std::string_view pattern, std::string_view path, bool is_directory = false) {
        FilterSpec excluding, including;
        excluding.exclude = {from_above(pattern)};
        including.include = {from_above(pattern)};
        bool is_out = Filter(excluding).judge(nullptr, path, is_directory) == Choice::unselected;
        CHECK(is_out == (Filter(including).judge(nullptr, path, is_directory) == Choice::selected));
        return is_out;
    };
    CHECK(judge("w/src/x/**", "x", true));
    CHECK_FALSE(judge("w/src/x/**", "y/x", true));
    CHECK(judge("w/{src,lib}/*.o", "a.o"));
    CHECK(judge("w/*/x", "x"));
    CHECK(judge("./w/src/x", "x"));
    CHECK(judge("w/**/x", "deep/x"));
    CHECK(judge("w/src/**", "a"));
    CHECK_FALSE(judge("src/x", "x"));
    // A bare name is not that of a directory above the root.
    CHECK_FALSE(judge("{src,w/src/x}", "a"));
    CHECK(judge("{src,w/src/x}", "src"));

    FilterSpec spec;
    spec.include = {from_above("w/src/x/**")};
    CHECK(Filter(spec).judge(nullptr, "x/deep/file", false) == Choice::selected);
    CHECK(Filter(spec).judge(nullptr, "other", true) == Choice::passage);
}

TEST_CASE("includes narrow, and directories that do not match are passages") {
    FilterSpec spec;
    spec.include = {rule("src/**", "jobs.toml:3"), rule("*.md", "--include", "doc")};
    Filter filter(spec);
    auto judge = [&](std::string_view path, bool is_directory) { return filter.judge(nullptr, path, is_directory); };
    CHECK(judge("src", true) == Choice::selected);
    CHECK(judge("src/a", true) == Choice::selected);
    CHECK(judge("src/a/b.c", false) == Choice::selected);
    CHECK(judge("doc", true) == Choice::passage);
    CHECK(judge("doc/x.md", false) == Choice::selected);
    CHECK(judge("x.md", false) == Choice::unselected);
    CHECK(judge("other", true) == Choice::passage);
    CHECK(judge("other/x", false) == Choice::unselected);
}

TEST_CASE("explain names file, line and rule of the first directory that is not selected") {
    FilterSpec spec;
    spec.exclude = {rule("*.log", "jobs.toml:14"), rule("tmp", "--exclude")};
    FixedIgnores ignores;
    ignores.add("", ".gitignore", "# \n/cache/\n");
    ignores.add("sub", "sub/.gitignore", "*.txt\n\n!keep.txt");
    Filter filter(spec);
    auto because = [&](std::string_view path) { return filter.explain(ignores, path, false).because; };
    CHECK(because("a/x.log") == "jobs.toml:14: exclude '*.log'");
    CHECK(because("tmp") == "--exclude 'tmp'");
    CHECK(because("sub/x.txt") == "sub/.gitignore:1: '*.txt'");
    CHECK(because("sub/keep.txt") == "sub/.gitignore:3: '!keep.txt'");
    CHECK(filter.explain(ignores, "sub/keep.txt", false).choice == Choice::selected);
    CHECK(because("cache/a/b") == ".gitignore:2: '/cache/' (holds for the directory 'cache')");
    CHECK(filter.explain(ignores, "cache/a/b", false).choice == Choice::unselected);
    CHECK(because("plain").empty());
    CHECK(because("a/.git/config").starts_with(".git is not synced"));
    spec.include = {rule("*.c", "jobs.toml:15")};
    Filter narrowed(spec);
    CHECK(narrowed.explain(ignores, "a/b.h", false).because == "include: no pattern matches");
    CHECK(narrowed.explain(ignores, "a/b.c", false).because == "jobs.toml:15: include '*.c'");
    CHECK(narrowed.explain(ignores, "a", true).choice == Choice::passage);
}

TEST_CASE("what explain prints is escaped") {
    FilterSpec spec;
    spec.exclude = {rule("a\x1b*", "jobs.toml:1")};
    FixedIgnores ignores;
    CHECK(Filter(spec).explain(ignores, "a\x1b[31m", false).because == "jobs.toml:1: exclude 'a\\x1b*'");
}
