// How a walk uses the filter: what is not descended into, what is kept on a target, which directories only lead
// somewhere.
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <mutex>
#include <set>

#include "fs/walk.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using test::TempTree;

namespace {

using Paths = std::vector<std::string>;

std::vector<GlobRule> rules(const Paths& patterns) {
    std::vector<GlobRule> made;
    for (const std::string& pattern : patterns) {
        std::string why;
        made.push_back({Glob::compile(pattern, why).value(), "", "test"});
    }
    return made;
}

Filter make_filter(const Paths& exclude, const Paths& include = {}, bool include_git = false) {
    FilterSpec spec;
    spec.exclude = rules(exclude);
    spec.include = rules(include);
    spec.include_git = include_git;
    return Filter(std::move(spec));
}

/// "path" or "path -" when unselected, "path !" when pinned as well.
Paths shown(const Tree& tree) {
    Paths lines;
    for (const Entry& entry : tree.entries()) {
        std::string mark = entry.has(pinned) ? " !" : entry.has(unselected) ? " -" : "";
        lines.push_back(std::string(tree.path(entry)) + mark);
    }
    return lines;
}

/// Notes which directories a walk asks for, and has no rules.
class NotedDirectories : public IgnoreSource {
  public:
    IgnoreChain chain_for(std::string_view directory) override {
        std::lock_guard lock(mutex_);
        asked_.emplace(directory);
        return nullptr;
    }
    std::set<std::string> asked() { return asked_; }

  private:
    std::mutex mutex_;
    std::set<std::string> asked_;
};

struct Example {
    Example() {
        for (const char* path :
             {"src/main.c", "src/main.o", "build/deep/out", "build/.git/config", "doc/x.txt", ".git/HEAD"}) {
            tree.write(path, "x");
        }
        tree.make_directory("empty");
    }
    WalkResult walk(const Filter& filter, bool keep = false, bool descend = false) {
        WalkOptions options;
        options.filter = &filter;
        options.keep_unselected = keep;
        options.descend_unselected = descend;
        return fs::walk(tree.fd(), options, {});
    }
    TempTree tree;
};

}  // namespace

TEST_CASE("without rules only .git is left out") {
    Example example;
    Filter filter;
    CHECK(shown(example.walk(filter).tree) == Paths{"build", "build/deep", "build/deep/out", "doc", "doc/x.txt",
                                                    "empty", "src", "src/main.c", "src/main.o"});
    Filter with_git = make_filter({}, {}, true);
    CHECK(example.walk(with_git).tree.find(".git/HEAD") != Tree::none);
}

TEST_CASE("what is excluded is left out on a source, kept and flagged on a target") {
    Example example;
    Filter filter = make_filter({"build/**", "*.o"});
    CHECK(shown(example.walk(filter).tree) == Paths{"doc", "doc/x.txt", "empty", "src", "src/main.c"});
    CHECK(shown(example.walk(filter, true).tree) ==
          Paths{".git !", "build -", "doc", "doc/x.txt", "empty", "src", "src/main.c", "src/main.o -"});
    CHECK(shown(example.walk(filter, true, true).tree) == Paths{".git !", "build -", "build/.git !", "build/deep -",
                                                                "build/deep/out -", "doc", "doc/x.txt", "empty", "src",
                                                                "src/main.c", "src/main.o -"});
}

TEST_CASE("directories that lead to nothing included are left out") {
    Example example;
    example.tree.write("a/b/c/wanted.c", "");
    example.tree.write("a/other/file", "");
    Filter filter = make_filter({}, {"**/*.c"});
    CHECK(shown(example.walk(filter).tree) == Paths{"a", "a/b", "a/b/c", "a/b/c/wanted.c", "src", "src/main.c"});
    Paths target = shown(example.walk(filter, true).tree);
    auto has = [&](const std::string& line) { return std::find(target.begin(), target.end(), line) != target.end(); };
    for (const char* line : {"a", "a/b", "a/b/c/wanted.c", "a/other -", "a/other/file -", "build -", "doc -", "empty -",
                             "src", "src/main.o -", ".git !"}) {
        INFO(line);
        CHECK(has(line));
    }
}

TEST_CASE("excluded directories are neither opened nor asked about") {
    Example example;
    if (::geteuid() != 0) SKIP("only root can become somebody else");
    REQUIRE(::chmod(example.tree.path("build").c_str(), 0) == 0);
    Filter filter = make_filter({"build/**"});
    std::string trouble = test::in_child([&] {
        test::require(test::drop_privileges(), "drop privileges");
        NotedDirectories ignores;
        WalkOptions options;
        options.filter = &filter;
        options.ignores = &ignores;
        WalkResult result = walk(example.tree.fd(), options, {});
        test::require(result.problems.empty(), "nothing excluded was opened");
        test::require(ignores.asked() == std::set<std::string>{"", "doc", "empty", "src"}, "asked for each directory");
    });
    CHECK(trouble == "");
}

TEST_CASE("an excluded link may lead anywhere") {
    TempTree tree;
    tree.link("broken.log", "missing");
    Filter filter = make_filter({"*.log"});
    WalkOptions options;
    options.filter = &filter;
    options.symlinks = SymlinkPolicy::follow;
    CHECK(walk(tree.fd(), options, {}).problems.empty());
}
