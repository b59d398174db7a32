#include "fs/watch_tree.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "temp_tree.hpp"

namespace syncline::fs {
namespace {

using test::TempTree;
using Paths = std::vector<std::string>;

class World {
  public:
    TempTree tree{TempTree::Where::memory};

    World() {
        tree.make_directory("root");
        tree.make_directory("own");
    }
    std::string path(const std::string& relative) const { return tree.path("root/" + relative); }
    void write(const std::string& relative, std::string_view text = "x") { tree.write("root/" + relative, text); }
    void rename(const std::string& from, const std::string& to) { std::filesystem::rename(path(from), path(to)); }
    void remove(const std::string& relative) { std::filesystem::remove_all(path(relative)); }

    WatchTree& watch(FilterSpec spec = {}) {
        WatchRequest request{tree.path("root"), Filter(std::move(spec)), {".gitignore"}, tree.path("own"), {}};
        watch_ = std::make_unique<WatchTree>(std::move(request));
        watch_->build({});
        return *watch_;
    }
    /// What is told of all that happened by now.
    Paths news() { return all_news().paths(); }
    ChangeSet all_news() {
        proven = watch_->prove();
        return watch_->take();
    }

    bool proven = false;

  private:
    std::unique_ptr<WatchTree> watch_;
};

TEST_CASE("A watch tells of what is saved in every way that editors save") {
    World world;
    world.write("a/b/file");
    WatchTree& watch = world.watch();
    CHECK(watch.directories() == 3);
    CHECK(world.news().empty());
    CHECK(world.proven);

    std::ofstream(world.path("a/b/file"), std::ios::trunc) << "in place";
    CHECK(world.news() == Paths{"a/b/file"});
    world.write("a/b/.file.swp");  // as vim does: a backup by rename, then a new file under the name
    world.rename("a/b/file", "a/b/file~");
    world.write("a/b/file", "vim");
    world.remove("a/b/file~");
    world.remove("a/b/.file.swp");
    CHECK(world.news() == Paths{"a/b/.file.swp", "a/b/file", "a/b/file~"});
    world.write("a/b/new", "renamed over");
    world.rename("a/b/new", "a/b/file");
    CHECK(world.news() == Paths{"a/b/file", "a/b/new"});
    ::chmod(world.path("a/b/file").c_str(), 0600);
    CHECK(world.news() == Paths{"a/b/file"});
    world.remove("a/b");
    CHECK(world.news() == Paths{"a/b"});
    CHECK(watch.directories() == 2);
    CHECK(world.proven);
    CHECK(std::filesystem::is_empty(world.tree.path("own")));
}

/// What may change a file, each way alone: what is told of it, and what of that is open.
TEST_CASE("A watch tells of a file that changes in whatever way the kernel has") {
    World world;
    world.write("file", "some content");
    world.watch();
    const std::string path = world.path("file");
    int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    auto is_open = [&] {
        ChangeSet news = world.all_news();
        CHECK(news.paths().empty());
        return news.open() == std::set<std::string, PathLess>{"file"};
    };
    REQUIRE(::write(fd, "x", 1) == 1);
    CHECK(is_open());
    REQUIRE(::ftruncate(fd, 3) == 0);
    CHECK(is_open());
    REQUIRE(::fallocate(fd, 0, 0, 10'000) == 0);
    CHECK(is_open());
    REQUIRE(::truncate(path.c_str(), 5'000) == 0);
    CHECK(is_open());
    world.write("other", std::string(9'000, 'c'));
    world.all_news();
    int other = ::open(world.path("other").c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(::copy_file_range(other, nullptr, fd, nullptr, 9'000, 0) == 9'000);
    CHECK(is_open());
    ::close(other);
    void* map = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    REQUIRE(map != MAP_FAILED);
    ::close(fd);
    CHECK(world.news().empty());
    std::memcpy(map, "mapped", 6);
    ::munmap(map, 4096);
    ChangeSet closed = world.all_news();
    CHECK((closed.paths() == Paths{"file"} && closed.unproven() == Paths{"file"} && closed.open().empty()));
    REQUIRE(::chmod(path.c_str(), 0700) == 0);
    CHECK(world.news() == Paths{"file"});
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0);
    CHECK(world.news() == Paths{"file"});
    int made = ::open(world.path("made").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::write(made, "half", 4) == 4);
    ChangeSet half = world.all_news();
    CHECK((half.paths().empty() && half.open() == std::set<std::string, PathLess>{"made"}));
    ::close(made);
    CHECK(world.news() == Paths{"made"});
    REQUIRE(::symlink("file", world.path("link").c_str()) == 0);
    REQUIRE(::link(path.c_str(), world.path("hard").c_str()) == 0);
    CHECK(world.news() == Paths{"hard", "link"});
}

TEST_CASE("What has more than one name is told of with its inode") {
    World world;
    world.write("a", "1");
    world.write("single", "1");
    std::filesystem::create_hard_link(world.path("a"), world.path("b"));
    world.watch();
    struct stat status{};
    REQUIRE(::stat(world.path("a").c_str(), &status) == 0);
    world.write("single", "2");
    CHECK(world.all_news().inodes().empty());
    world.write("a", "2");
    CHECK(world.all_news().inodes() == std::set<uint64_t>{status.st_ino});
    REQUIRE(::truncate(world.path("b").c_str(), 0) == 0);
    CHECK(world.all_news().inodes() == std::set<uint64_t>{status.st_ino});
}

TEST_CASE("New directories are watched with all that came into them before they could be") {
    World world;
    WatchTree& watch = world.watch();
    std::filesystem::create_directories(world.path("n/e/w"));
    world.write("n/e/w/file");
    CHECK(world.news() == Paths{"n"});
    CHECK(watch.directories() == 4);
    world.write("n/e/w/later");
    CHECK(world.news() == Paths{"n/e/w/later"});

    // Made, removed and made again, all before anybody looked.
    world.remove("n");
    std::filesystem::create_directories(world.path("n/e"));
    CHECK(world.news() == Paths{"n"});
    world.write("n/e/again");
    CHECK(world.news() == Paths{"n/e/again"});
    CHECK(watch.directories() == 3);
}

TEST_CASE("Trees that are moved within, out and in are followed") {
    World world;
    world.write("from/deep/er/file");
    std::filesystem::create_directories(world.tree.path("elsewhere"));
    WatchTree& watch = world.watch();
    world.rename("from", "to");
    world.write("to/deep/er/other");
    CHECK(world.news() == Paths{"from", "to"});
    CHECK(watch.directories() == 4);
    world.write("to/deep/er/third");
    CHECK(world.news() == Paths{"to/deep/er/third"});

    std::filesystem::rename(world.path("to/deep"), world.tree.path("elsewhere/deep"));
    CHECK(world.news() == Paths{"to/deep"});
    world.tree.write("elsewhere/deep/er/file", "not ours any more");
    CHECK(world.news().empty());
    CHECK(watch.directories() == 2);
    std::filesystem::rename(world.tree.path("elsewhere/deep"), world.path("deep"));
    CHECK(world.news() == Paths{"deep"});
    world.write("deep/er/file");
    CHECK(world.news() == Paths{"deep/er/file"});
}

TEST_CASE("What is not selected is not watched and not told of") {
    World world;
    world.write(".gitignore", "build/\n*.log\n");
    world.write("build/a/b/c/d");
    world.write(".git/objects/00/x");
    world.write("node_modules/left/pad");
    world.write("src/file");
    FilterSpec spec;
    std::string why;
    spec.exclude.push_back({Glob::compile("**/node_modules/**", why).value(), "", "test", ""});
    WatchTree& watch = world.watch(std::move(spec));
    CHECK(watch.directories() == 2);
    world.write("build/a/new");
    world.write("src/x.log");
    std::filesystem::create_directories(world.path("src/build/deep"));
    CHECK(world.news().empty());
    CHECK(watch.directories() == 2);
    CHECK(world.proven);
}

TEST_CASE("When the rules or the root change, the watch is over") {
    World world;
    world.write("sub/file");
    WatchTree& watch = world.watch();
    SECTION("an ignore file is written") { world.write("sub/.gitignore", "*.o\n"); }
    SECTION("a repository begins") { std::filesystem::create_directories(world.path("sub/.git")); }
    SECTION("the root is moved") {
        std::filesystem::rename(world.tree.path("root"), world.tree.path("moved"));
        std::filesystem::create_directories(world.tree.path("root"));
    }
    SECTION("the root is removed") { world.remove(""); }
    world.news();
    CHECK_FALSE(world.proven);
    bool is_told = watch.broken() == WatchEnd::rules || watch.broken() == WatchEnd::root;
    CHECK(is_told);
}

TEST_CASE("When a directory above the root is moved away, the watch is over") {
    World world;
    world.tree.make_directory("above/root");
    WatchTree watch({world.tree.path("above/root"), Filter(), {}, world.tree.path("own"), {}});
    watch.build({});
    std::filesystem::rename(world.tree.path("above"), world.tree.path("gone"));
    watch.drain();
    CHECK(watch.broken() == WatchEnd::root);
}

TEST_CASE("Rule files outside of the tree count") {
    World world;
    world.tree.make_directory("root/sub");
    world.tree.make_directory("root/.git/info");
    world.write(".git/HEAD", "ref: refs/heads/main\n");
    world.tree.make_directory("root/.git/objects");
    world.tree.make_directory("root/.git/refs");
    WatchTree watch({world.path("sub"), Filter(), {".gitignore"}, world.tree.path("own"), {}});
    watch.build({});
    CHECK(watch.prove());
    SECTION("the ignore file of the repository around it") { world.write(".gitignore", "*.o\n"); }
    SECTION("info/exclude") { world.write(".git/info/exclude", "*.o\n"); }
    watch.drain();
    CHECK(watch.broken() == WatchEnd::rules);
}

TEST_CASE("Thousands of creations at once are all told of, or their loss is") {
    World world;
    WatchTree& watch = world.watch();
    auto create = [&](int from, int to) {
        for (int i = from; i < to; ++i) world.write("d" + std::to_string(i % 50) + "/f" + std::to_string(i));
    };
    create(0, 3000);
    CHECK(world.news().size() == 50);
    CHECK(world.proven);
    CHECK(watch.directories() == 51);
    create(3000, 6000);
    CHECK(world.news().size() == 3000);

    // Nobody asks until more happened than is kept, by the kernel or here.
    for (size_t i = 0; i <= 2 * InotifyInbox::most_events; ++i) {
        int fd = ::open(world.path("d0/o" + std::to_string(i % 100)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ::close(fd);
    }
    world.news();
    CHECK_FALSE(world.proven);
    CHECK(watch.broken() == WatchEnd::overflow);
    CHECK(watch.trouble().find("max_queued_events") != std::string::npos);
}

TEST_CASE("Where the kernel has no more watches, the message says how to get them") {
    World world;
    for (int i = 0; i < 20; ++i) world.tree.make_directory("root/d" + std::to_string(i));
    bool was_limited = false;
    std::string trouble = test::in_child([&] {
        if (::unshare(CLONE_NEWUSER) != 0) return;
        int limit = ::open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
        bool set = limit >= 0 && ::write(limit, "10", 2) == 2;
        if (!set) return;
        WatchTree& watch = world.watch();
        test::require(watch.broken() == WatchEnd::limits, "the limit is noticed");
        test::require(watch.trouble().find("fs.inotify.max_user_watches") != std::string::npos, watch.trouble());
        throw std::runtime_error("as it should be");
    });
    was_limited = !trouble.empty();
    if (!was_limited) WARN("no user namespace here whose limit can be lowered");
    if (was_limited) CHECK(trouble == "as it should be");
}

TEST_CASE("Syncline's own directory is not watched, even within the tree") {
    World world;
    world.tree.make_directory("root/state");
    WatchTree watch({world.tree.path("root"), Filter(), {}, world.path("state"), {}});
    watch.build({});
    CHECK(watch.directories() == 1);
    CHECK(watch.prove());
    world.write("state/state.db");
    CHECK(watch.prove());
    CHECK(watch.take().empty());
}

}  // namespace
}  // namespace syncline::fs
