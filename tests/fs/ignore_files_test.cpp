#include "fs/ignore_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <thread>

#include "base/rel_path.hpp"
#include "core/filter.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

const std::vector<std::string> both_names{".gitignore", ".synclineignore"};

/// A tree with a HOME of its own, so that this machine's git configuration has no say.
class Fixture {
  public:
    Fixture() {
        tree.make_directory("home");
        ::setenv("HOME", tree.path("home").c_str(), 1);
        ::unsetenv("XDG_CONFIG_HOME");
        ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    }

    void make_repository(const std::string& directory, const std::string& name = ".git") {
        std::string git = join_path(directory, name);
        tree.make_directory(git + "/objects");
        tree.make_directory(git + "/refs");
        tree.write(git + "/HEAD", "ref: refs/heads/main\n");
    }

    /// What explain says of a file below `root` ("" when it is selected by no rule).
    std::string because(const std::string& root, std::string_view path,
                        const std::vector<std::string>& names = both_names) {
        fs::IgnoreFiles files(tree.path(root), names);
        return Filter().explain(files, path, false).because;
    }
    bool ignored(const std::string& root, std::string_view path, const std::vector<std::string>& names = both_names) {
        fs::IgnoreFiles files(tree.path(root), names);
        return Filter().explain(files, path, false).choice == Verdict::Choice::unselected;
    }

    TempTree tree;
};

}  // namespace

TEST_CASE("outside of a repository .gitignore files work and nothing above the root is read") {
    Fixture f;
    f.tree.write("w/.gitignore", "*.up\n");
    f.tree.write("w/r/.gitignore", "*.o\n");
    f.tree.write("w/r/sub/.gitignore", "!keep.o\n/top\n");
    CHECK(f.because("w/r", "a.o") == ".gitignore:1: '*.o'");
    CHECK(f.because("w/r", "sub/keep.o") == "sub/.gitignore:1: '!keep.o'");
    CHECK(f.ignored("w/r", "sub/top"));
    CHECK_FALSE(f.ignored("w/r", "sub/a/top"));
    CHECK_FALSE(f.ignored("w/r", "x.up"));
    CHECK_FALSE(f.ignored("w/r", "a.o", {}));
}

TEST_CASE("within a repository the files from its top down to the root apply, whatever their name") {
    Fixture f;
    f.make_repository("w/repo");
    f.tree.write("w/.gitignore", "*.out\n");
    f.tree.write("w/repo/.gitignore", "*.o\n/a/b/x\n/x\n");
    f.tree.write("w/repo/a/.synclineignore", "*.tmp\n!special.o\n");
    f.tree.write("w/repo/.git/info/exclude", "*.info\n");
    f.tree.make_directory("w/repo/a/b");
    CHECK(f.because("w/repo/a/b", "y.o") == f.tree.path("w/repo/.gitignore") + ":1: '*.o'");
    CHECK(f.ignored("w/repo/a/b", "x"));
    CHECK_FALSE(f.ignored("w/repo/a/b", "c/x"));
    CHECK(f.ignored("w/repo/a/b", "c/y.tmp"));
    CHECK_FALSE(f.ignored("w/repo/a/b", "special.o"));
    CHECK(f.ignored("w/repo/a/b", "y.info"));
    CHECK_FALSE(f.ignored("w/repo/a/b", "y.out"));
    // A root that a pull is going to make.
    CHECK(f.ignored("w/repo/a/new/deeper", "y.o"));
    // What .gitignore does not bring along is not read without it.
    CHECK_FALSE(f.ignored("w/repo/a/b", "y.info", {".synclineignore"}));
    CHECK(f.ignored("w/repo/a/b", "y.tmp", {".synclineignore"}));
}

TEST_CASE("the later name wins over the earlier, at all levels") {
    Fixture f;
    f.tree.write("r/.synclineignore", "!keep.log\nout/\n");
    f.tree.write("r/sub/.gitignore", "*.log\n!out/\n");
    CHECK_FALSE(f.ignored("r", "sub/keep.log"));
    CHECK(f.ignored("r", "sub/other.log"));
    CHECK(f.because("r", "sub/out/x") == ".synclineignore:2: 'out/' (holds for the directory 'sub/out')");
    CHECK(f.ignored("r", "sub/keep.log", {".synclineignore", ".gitignore"}));
}

TEST_CASE("nested repositories end the outer .gitignore rules, and nothing else") {
    Fixture f;
    f.make_repository("r");
    f.make_repository("r/in");
    f.tree.write("r/.gitignore", "*.o\n/hidden/\n");
    f.tree.write("r/.git/info/exclude", "*.info\n");
    f.tree.write("r/.synclineignore", "*.tmp\n");
    f.tree.write("r/in/.gitignore", "*.in\n");
    f.tree.write("r/in/.git/info/exclude", "/inner\n");
    f.tree.write("home/.config/git/ignore", "*~\n");
    CHECK_FALSE(f.ignored("r", "in/a.o"));
    CHECK_FALSE(f.ignored("r", "in/a.info"));
    CHECK(f.ignored("r", "in/a.tmp"));
    CHECK(f.ignored("r", "in/deep/a.in"));
    CHECK(f.because("r", "in/inner") == "in/.git/info/exclude:1: '/inner'");
    CHECK_FALSE(f.ignored("r", "inner"));
    CHECK(f.because("r", "in/a~") == f.tree.path("home/.config/git/ignore") + ":1: '*~'");
    // Whether the nested repository itself is ignored is the outer one's to say.
    f.make_repository("r/hidden");
    CHECK(f.ignored("r", "hidden/a"));
    // As for git, an empty .git is no repository.
    f.tree.make_directory("r/plain/.git");
    CHECK(f.ignored("r", "plain/a.o"));
}

TEST_CASE("a .git file leads to the info/exclude of a worktree or submodule") {
    Fixture f;
    f.make_repository("main");
    f.tree.write("main/.git/info/exclude", "*.shared\n");
    f.tree.write("main/.git/worktrees/w/HEAD", "ref: refs/heads/w\n");
    f.tree.write("main/.git/worktrees/w/commondir", "../..\n");
    f.tree.write("w/.git", "gitdir: ../main/.git/worktrees/w\n");
    CHECK(f.ignored("w", "a.shared"));

    f.make_repository("main", ".git/modules/sub");
    f.tree.write("main/.git/modules/sub/info/exclude", "*.own\n");
    f.tree.write("main/sub/.git", "gitdir: ../.git/modules/sub\n");
    CHECK(f.ignored("main", "sub/a.own"));
    CHECK_FALSE(f.ignored("main", "sub/a.shared"));

    f.tree.write("main/lost/.git", "gitdir: /nowhere\n");
    CHECK_FALSE(f.ignored("main", "lost/a.shared"));
}

TEST_CASE("the user's excludes are found where git finds them") {
    Fixture f;
    f.make_repository("r");
    f.tree.write("home/.config/git/ignore", "default\n");
    f.tree.write("xdg/git/ignore", "xdg\n");
    f.tree.write("home/mine", "mine\n");
    f.tree.write("r/relative", "relative\n");
    f.tree.make_directory("r/sub");
    CHECK(f.ignored("r", "default"));
    ::setenv("XDG_CONFIG_HOME", f.tree.path("xdg").c_str(), 1);
    CHECK(f.ignored("r", "xdg"));
    CHECK_FALSE(f.ignored("r", "default"));
    f.tree.write("home/.gitconfig", "[core]\n\tExcludesFile = ~/mine\n");
    CHECK(f.ignored("r", "mine"));
    CHECK_FALSE(f.ignored("r", "xdg"));
    f.tree.write("home/.gitconfig", "[include]\n\tpath = more\n");
    f.tree.write("home/more", "[core]\n\texcludesfile = relative\n");
    CHECK(f.ignored("r/sub", "relative"));
    f.tree.write("home/.gitconfig", "[core]\n\texcludesfile =\n");
    CHECK_FALSE(f.ignored("r", "xdg"));
    // Outside of a repository the root counts as the top of one.
    f.tree.write("home/.gitconfig", "[core]\n\texcludesfile = ~/mine\n");
    CHECK(f.ignored("elsewhere", "a/mine"));
}

TEST_CASE("without git, or when its configuration is broken, the default excludes hold") {
    Fixture f;
    f.make_repository("r");
    f.tree.write("home/.config/git/ignore", "default\n");
    f.tree.write("home/.gitconfig", "[core]\n\texcludesfile = ~/mine\n");
    std::string path = std::getenv("PATH");
    ::setenv("PATH", f.tree.path("home").c_str(), 1);
    CHECK(f.ignored("r", "default"));
    ::setenv("PATH", path.c_str(), 1);
    f.tree.write("home/.gitconfig", "[core\nexcludesfile");
    CHECK(f.ignored("r", "default"));
}

TEST_CASE("only regular ignore files are read, and not through symlinks") {
    Fixture f;
    f.tree.write("rules", "*\n");
    f.tree.link("r/.gitignore", "../rules");
    f.tree.make_directory("r/d/.gitignore");
    f.tree.make_fifo("r/d/.synclineignore");
    fs::IgnoreFiles files(f.tree.path("r"), both_names);
    CHECK(files.chain_for("d") == nullptr);
    CHECK(files.problems().empty());
    // The user's own excludes may well be a link.
    f.tree.link("home/.config/git/ignore", f.tree.path("rules"));
    CHECK(f.ignored("r", "a"));
}

TEST_CASE("an ignore file that cannot be read is a problem of its directory") {
    Fixture f;
    f.tree.write("r/big/.gitignore", std::string((16 << 20) + 1, 'a'));
    f.tree.write("r/secret/.gitignore", "*.o\n");
    f.tree.write("home/.config/git/ignore", "x\n");
    ::chmod(f.tree.path("r/secret/.gitignore").c_str(), 0);
    ::chmod(f.tree.path("home/.config/git/ignore").c_str(), 0);
    std::string trouble = in_child([&] {
        bool unprivileged = drop_privileges() || ::geteuid() != 0;
        fs::IgnoreFiles files(f.tree.path("r"), both_names);
        files.chain_for("big");
        files.chain_for("secret");
        files.chain_for("absent");
        std::vector<Problem> problems = files.problems();
        require(unprivileged && problems.size() == 3, "expected three problems");
        require(problems[0].path.empty() && problems[0].why.find("git/ignore") != std::string::npos, problems[0].why);
        require(problems[1].path == "big/.gitignore" && problems[1].why.find("16 MiB") != std::string::npos,
                problems[1].why);
        require(problems[2].path == "secret/.gitignore" && problems[2].why.find("denied") != std::string::npos,
                problems[2].why);
    });
    CHECK(trouble == "");
}

TEST_CASE("a repository above the root that belongs to somebody else has no say") {
    if (::geteuid() != 0) SKIP("needs root to give files away");
    Fixture f;
    f.make_repository("shared");
    f.tree.write("shared/.gitignore", "*.o\n");
    f.tree.make_directory("shared/mine");
    CHECK(f.ignored("shared/mine", "a.o"));
    REQUIRE(::chown(f.tree.path("shared").c_str(), 12345, 12345) == 0);
    CHECK_FALSE(f.ignored("shared/mine", "a.o"));
    CHECK(f.ignored("shared", "a.o"));
}

TEST_CASE("directories that add nothing share the chain of their parent, from any thread") {
    Fixture f;
    f.tree.write("r/.gitignore", "*.o\n");
    std::string deep = "d0";
    for (int i = 1; i < 50; ++i) deep += "/d" + std::to_string(i);
    f.tree.make_directory("r/" + deep);
    f.tree.write("r/d0/d1/.gitignore", "x\n");
    fs::IgnoreFiles files(f.tree.path("r"), both_names);
    std::vector<IgnoreChain> seen(4);
    {
        std::vector<std::jthread> threads;
        for (IgnoreChain& chain : seen) threads.emplace_back([&] { chain = files.chain_for(deep); });
    }
    for (const IgnoreChain& chain : seen) CHECK(chain == files.chain_for("d0/d1"));
    CHECK(files.chain_for("d0") == files.chain_for(""));
    CHECK(files.chain_for("d0") != files.chain_for("d0/d1"));
}

TEST_CASE("ignore files are found in paths longer than the kernel takes at once") {
    Fixture f;
    std::string deep = f.tree.make_deep(std::string(200, 'd'), 30);
    fs::Fd directory = fs::open_directory(f.tree.fd(), deep);
    fs::Fd file(::openat(directory.get(), ".gitignore", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(::write(file.get(), "*.o\n", 4) == 4);
    fs::IgnoreFiles files(f.tree.path(), both_names);
    CHECK(find_ignore_rule(files.chain_for(deep), deep + "/a.o", false).ignored());
}
