#include "fs/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include "base/rel_path.hpp"
#include "fs/fd.hpp"
#include "temp_tree.hpp"

using namespace syncline;
using namespace syncline::fs;
using syncline::test::TempTree;

namespace {

struct Line {
    std::string path;
    Kind kind;
    uint16_t mode;
    Stamp stamp;
    std::string link;
    bool operator==(const Line&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Line& line) {
    return out << line.path << ' ' << kind_name(line.kind);
}

std::vector<Line> lines_of(const Tree& tree) {
    std::vector<Line> lines;
    for (const Entry& entry : tree.entries()) {
        lines.push_back(
            {std::string(tree.path(entry)), entry.kind, entry.mode, entry.stamp, std::string(tree.link(entry))});
    }
    return lines;
}

std::vector<std::string> paths_of(const Tree& tree) {
    std::vector<std::string> paths;
    for (const Entry& entry : tree.entries()) paths.emplace_back(tree.path(entry));
    return paths;
}

/// What a listing should be, found in the plainest way.
std::vector<Line> reference(const TempTree& tree) {
    std::vector<Line> lines;
    for (const auto& found : std::filesystem::recursive_directory_iterator(tree.path())) {
        std::string path = found.path().string().substr(tree.path().size() + 1);
        struct stat status{};
        REQUIRE(::lstat(found.path().c_str(), &status) == 0);
        auto ns = [](const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; };
        Line line{path, Kind::special, static_cast<uint16_t>(status.st_mode & 07777),
                  Stamp{static_cast<uint64_t>(status.st_size), ns(status.st_mtim), ns(status.st_ctim), status.st_ino},
                  ""};
        if (S_ISREG(status.st_mode)) line.kind = Kind::file;
        if (S_ISDIR(status.st_mode)) line.kind = Kind::directory;
        if (S_ISLNK(status.st_mode))
            line.kind = Kind::symlink, line.link = std::filesystem::read_symlink(found.path()).string();
        lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end(),
              [](const Line& a, const Line& b) { return compare_paths(a.path, b.path) < 0; });
    return lines;
}

WalkResult walk_all(const TempTree& tree, unsigned threads = 2) {
    WalkOptions options;
    options.threads = threads;
    return walk(tree.fd(), options, {});
}

/// Up to 30 entries under names that sort in tricky ways.
void grow(TempTree& tree, std::mt19937& random) {
    const std::vector<std::string> names = {
        "a",        "a!",  "a-b",      "ab",  "b",   "A", "a b",  "a\nb",
        "\x1b[31m", "-rf", "\xff\xfe", "...", "a.b", "~", "$(x)", std::string(255, 'z'),
        "\x01",     "a\""};
    std::vector<std::string> directories = {""};
    size_t count = random() % 30;
    for (size_t i = 0; i < count; ++i) {
        std::string path = join_path(directories[random() % directories.size()], names[random() % names.size()]);
        if (path.size() > 2000 || ::faccessat(tree.fd(), path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) continue;
        switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                tree.make_directory(path);
                directories.push_back(path);
                break;
            case 3: tree.link(path, std::string(1 + random() % 600, 'l')); break;
            case 4: tree.make_fifo(path); break;
            default: tree.write(path, std::string(random() % 50, 'c'));
        }
    }
}

}  // namespace

TEST_CASE("a walk lists what is there, in path order, by any number of threads") {
    std::mt19937 random(20260131);
    for (int round = 0; round < 1500; ++round) {
        TempTree tree(TempTree::Where::memory);
        grow(tree, random);
        std::vector<Line> expected = reference(tree);
        for (unsigned threads : {1u, 2u, 5u}) {
            WalkResult result = walk_all(tree, threads);
            INFO("round " << round << ", threads " << threads);
            REQUIRE(lines_of(result.tree) == expected);
            REQUIRE(result.problems.empty());
            REQUIRE(result.incomplete.empty());
            REQUIRE(result.leftovers.empty());
        }
    }
}

TEST_CASE("an empty root is an empty tree") {
    TempTree tree;
    WalkResult result = walk_all(tree);
    CHECK(result.tree.empty());
    CHECK(result.incomplete.empty());
    CHECK(result.started_at > 0);
}

TEST_CASE("children follow their directory at once, and entries are counted") {
    TempTree tree;
    for (const char* path : {"a-b", "a!", "ab/x", "a/z", "a/b/c"}) tree.write(path, "");
    std::atomic<uint64_t> scanned{0};
    WalkOptions options;
    options.scanned = &scanned;
    WalkResult result = walk(tree.fd(), options, {});
    CHECK(paths_of(result.tree) == std::vector<std::string>{"a", "a/b", "a/b/c", "a/z", "a!", "a-b", "ab", "ab/x"});
    CHECK(scanned == 8);
}

TEST_CASE("special files are listed and never opened") {
    TempTree tree;
    // Opening a FIFO for reading would wait for a writer for ever.
    std::string trouble = test::in_child([&] {
        tree.make_fifo("fifo");
        tree.make_socket("socket");
        WalkOptions options;
        for (SymlinkPolicy policy : {SymlinkPolicy::copy, SymlinkPolicy::skip, SymlinkPolicy::follow}) {
            options.symlinks = policy;
            WalkResult result = walk(tree.fd(), options, {});
            test::require(result.tree.size() == 2, "two entries");
            test::require(result.tree[0].kind == Kind::special && result.tree[1].kind == Kind::special, "special");
        }
    });
    CHECK(trouble == "");
}

TEST_CASE("temporary names are leftovers, not entries") {
    TempTree tree;
    tree.write("a/.syncline-tmp-0123456789abcdef", "x");
    tree.write(".syncline-tmp-fedcba9876543210/inside", "x");
    const std::vector<std::string> names = {"a/.syncline-tmp-0123456789abcde", "a/.syncline-tmp-0123456789abcdef0",
                                            "a/.syncline-tmp-0123456789ABCDEF", "a/.syncline-tmp-",
                                            "a/x.syncline-tmp-0123456789abcdef"};
    for (const std::string& name : names) tree.write(name, "user's own");
    WalkResult result = walk_all(tree);
    CHECK(result.leftovers ==
          std::vector<std::string>{".syncline-tmp-fedcba9876543210", "a/.syncline-tmp-0123456789abcdef"});
    CHECK(result.tree.size() == 1 + names.size());
    for (const std::string& name : names) CHECK(result.tree.find(name) != Tree::none);
}

TEST_CASE("a stopped walk throws Cancelled") {
    TempTree tree;
    tree.make_directory("a");
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_AS(walk(tree.fd(), {}, stop.get_token()), Cancelled);
}

TEST_CASE("a directory of many entries is listed whole") {
    TempTree tree(TempTree::Where::memory);
    constexpr size_t count = 20'000;
    std::string padding(200, 'p');
    for (size_t i = 0; i < count; ++i) {
        Fd file(::openat(tree.fd(), (padding + std::to_string(i)).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
        REQUIRE(file);
    }
    CHECK(walk_all(tree).tree.size() == count);
}

TEST_CASE("what comes and goes while it is listed makes no trouble") {
    TempTree tree;
    for (int i = 0; i < 50; ++i) tree.write("stays/" + std::to_string(i) + "/file", "x");
    std::jthread other([&](std::stop_token stop) {
        std::mt19937 random(7);
        while (!stop.stop_requested()) {
            std::string path = "goes/" + std::to_string(random() % 20);
            tree.write(path + "/deeper/file", "x");
            std::filesystem::remove_all(tree.path("goes/" + std::to_string(random() % 20)));
        }
    });
    for (int round = 0; round < 300; ++round) {
        WalkResult result = walk_all(tree);
        REQUIRE(result.problems == std::vector<Problem>{});
        REQUIRE(result.incomplete.empty());
        auto [first, last] = result.tree.range_below("stays");
        REQUIRE(last - first == 100);
    }
}

TEST_CASE("a directory swapped for a symlink is never followed") {
    TempTree outside, tree;
    outside.write("secret", "x");
    tree.make_directory("swapped");
    std::jthread other([&](std::stop_token stop) {
        while (!stop.stop_requested()) {
            ::unlinkat(tree.fd(), "swapped", AT_REMOVEDIR);
            ::symlinkat(outside.path().c_str(), tree.fd(), "swapped");
            ::unlinkat(tree.fd(), "swapped", 0);
            ::mkdirat(tree.fd(), "swapped", 0755);
        }
    });
    for (int round = 0; round < 3000; ++round) {
        WalkResult result = walk_all(tree, 1);
        REQUIRE(result.tree.find("swapped/secret") == Tree::none);
        for (const Problem& problem : result.problems) REQUIRE(problem.path == "swapped");
        for (const std::string& path : result.incomplete) REQUIRE(path == "swapped");
    }
}

TEST_CASE("a root that was removed is not an empty one") {
    TempTree tree;
    tree.make_directory("root");
    Fd root = open_root(tree.path("root"));
    REQUIRE(::unlinkat(tree.fd(), "root", AT_REMOVEDIR) == 0);
    WalkResult result = walk(root.get(), {}, {});
    CHECK(result.incomplete == std::vector<std::string>{""});
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].path.empty());
}
