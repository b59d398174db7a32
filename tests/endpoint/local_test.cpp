// A local endpoint, batch by batch, while others change what the listing saw.
#include "endpoint/local.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <thread>

#include "async/run_task.hpp"
#include "fs/temp_tree.hpp"
#include "fs/walk.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

/// A source directory and a target endpoint; what the target held when it was listed.
class Pair {
  public:
    Pair() {
        tree.make_directory("source");
        tree.make_directory("target");
        source_fd_ = fs::open_root(tree.path("source"));
    }

    void list() { run_task(list_target()); }

    CommitItem put(std::string_view path) {
        CommitItem item;
        item.op = Op::put;
        item.path = path;
        item.mode = 0600;
        item.expected = expected(path);
        return item;
    }
    CommitItem make(Op op, std::string_view path) {
        CommitItem item = put(path);
        item.op = op;
        item.mode = 0700;
        return item;
    }
    RemoveItem removal(Op op, std::string_view path) {
        RemoveItem item;
        item.op = op;
        item.path = path;
        item.expected = expected(path);
        return item;
    }

    CommitItem commit(CommitItem item) {
        std::vector<CommitItem> items{std::move(item)};
        commit_all(items);
        return items[0];
    }
    void commit_all(std::vector<CommitItem>& items) {
        run_task(endpoint.commit(ContentSource{source_fd_.get(), false}, items, progress));
    }
    RemoveItem remove(RemoveItem item) {
        std::vector<RemoveItem> items{std::move(item)};
        run_task(endpoint.remove(items, progress));
        return items[0];
    }

    std::string read(const std::string& relative) const { return tree.read(relative); }
    /// Names of the making that are left anywhere on the target.
    int leftovers() const {
        int count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tree.path("target"))) {
            count += fs::is_temporary_name(entry.path().filename().string());
        }
        return count;
    }

    TempTree tree;
    WorkerPool workers{2};
    fs::HashPool hashes{1};
    fs::RateLimiter limiter;
    Progress progress;
    LocalEndpoint endpoint{tree.path("target"), false, workers, hashes, limiter};

  private:
    Task<void> list_target() {
        ListRequest request;
        request.is_target = true;
        listing_ = co_await endpoint.list(request, progress);
    }
    const Entry* expected(std::string_view path) const {
        uint32_t found = listing_.tree.find(path);
        return found == Tree::none ? nullptr : &listing_.tree[found];
    }

    fs::Fd source_fd_;
    Listing listing_;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("what appeared on the target after the listing is left alone") {
    Pair pair;
    pair.tree.write("source/f", "new");
    pair.list();
    pair.tree.write("target/f", "someone's");
    CommitItem result = pair.commit(pair.put("f"));
    CHECK(contains(result.error, "changed on the target"));
    CHECK(pair.read("target/f") == "someone's");
    CHECK(pair.leftovers() == 0);
}

TEST_CASE("what was edited on the target after the listing is left alone, by put and by remove") {
    Pair pair;
    pair.tree.write("source/f", "new");
    pair.tree.write("target/f", "old");
    pair.list();
    pair.tree.write("target/f", "edited");
    CHECK(contains(pair.commit(pair.put("f")).error, "changed on the target"));
    CHECK(contains(pair.remove(pair.removal(Op::remove, "f")).error, "kept"));
    CHECK(pair.read("target/f") == "edited");
}

TEST_CASE("a directory that a file is to replace stays when something came into it") {
    Pair pair;
    pair.tree.write("source/d", "file");
    pair.tree.make_directory("target/d");
    pair.list();
    pair.tree.write("target/d/late", "late");
    CHECK_FALSE(pair.commit(pair.put("d")).error.empty());
    CHECK(pair.read("target/d/late") == "late");
    CHECK(pair.leftovers() == 0);
    std::filesystem::remove(pair.tree.path("target/d/late"));
    CHECK(pair.commit(pair.put("d")).error.empty());
    CHECK(pair.read("target/d") == "file");
}

TEST_CASE("a file that a directory is to replace stays when it was edited") {
    Pair pair;
    pair.tree.write("target/d", "old");
    pair.list();
    pair.tree.write("target/d", "edited");
    CHECK_FALSE(pair.commit(pair.make(Op::mkdir, "d")).error.empty());
    CHECK(pair.read("target/d") == "edited");
    CHECK(pair.leftovers() == 0);
    pair.list();
    CHECK(pair.commit(pair.make(Op::mkdir, "d")).error.empty());
    CHECK(std::filesystem::is_directory(pair.tree.path("target/d")));
}

TEST_CASE("a directory that was filled after the listing is not removed") {
    Pair pair;
    pair.tree.make_directory("target/d");
    pair.list();
    pair.tree.write("target/d/late", "late");
    CHECK(contains(pair.remove(pair.removal(Op::rmdir, "d")).error, "kept"));
    CHECK(pair.read("target/d/late") == "late");
}

TEST_CASE("what somebody else removed needs no removing") {
    Pair pair;
    pair.tree.write("target/f", "old");
    pair.list();
    std::filesystem::remove(pair.tree.path("target/f"));
    CHECK(pair.remove(pair.removal(Op::remove, "f")).error.empty());
}

TEST_CASE("a directory that became a symlink leads nothing outside") {
    Pair pair;
    pair.tree.write("source/d/f", "new");
    pair.tree.write("source/d/sub/g", "new");
    pair.tree.write("target/d/f", "old");
    pair.list();
    std::filesystem::rename(pair.tree.path("target/d"), pair.tree.path("outside"));
    pair.tree.link("target/d", pair.tree.path("outside"));
    CHECK_FALSE(pair.commit(pair.put("d/f")).error.empty());
    CHECK_FALSE(pair.commit(pair.make(Op::mkdir, "d/sub")).error.empty());
    CHECK_FALSE(pair.commit(pair.make(Op::chmod, "d/f")).error.empty());
    CHECK_FALSE(pair.commit(pair.make(Op::symlink, "d/l")).error.empty());
    CHECK_FALSE(pair.remove(pair.removal(Op::remove, "d/f")).error.empty());
    CHECK(pair.read("outside/f") == "old");
    CHECK(std::filesystem::status(pair.tree.path("outside/f")).permissions() == std::filesystem::perms(0644));
}

TEST_CASE("a mode is never changed through a symlink that took the name's place") {
    Pair pair;
    pair.tree.write("outside", "x");
    pair.tree.link("target/f", pair.tree.path("outside"));
    CHECK_FALSE(pair.commit(pair.make(Op::chmod, "f")).error.empty());
    CHECK(std::filesystem::status(pair.tree.path("outside")).permissions() == std::filesystem::perms(0644));
}

TEST_CASE("a mode is never changed under a file's other names: the name gets a copy of its own") {
    Pair pair;
    pair.tree.write("outside", "content");
    pair.tree.write("target/one", "shared");
    auto link = [&pair](const char* from, const char* to) {
        std::filesystem::create_hard_link(pair.tree.path(from), pair.tree.path(to));
    };
    auto status = [&pair](const char* path) {
        struct stat found{};
        REQUIRE(::lstat(pair.tree.path(path).c_str(), &found) == 0);
        return found;
    };
    link("outside", "target/f");
    link("target/one", "target/two");
    const struct stat before = status("outside");
    pair.list();
    std::vector<CommitItem> items{pair.make(Op::chmod, "f"), pair.make(Op::chmod, "one"), pair.make(Op::chmod, "two")};
    items[0].mode = 0640, items[1].mode = 0600, items[2].mode = 0755;
    pair.commit_all(items);
    for (const CommitItem& item : items) {
        CHECK(item.error.empty());
        std::string path = "target/" + std::string(item.path);
        CHECK((status(path.c_str()).st_mode & 07777) == item.mode);
        CHECK(status(path.c_str()).st_nlink == 1);
    }
    CHECK(pair.read("target/f") == "content");
    CHECK(pair.read("target/two") == "shared");
    CHECK(status("target/f").st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    CHECK(status("outside").st_mode == before.st_mode);
    CHECK(status("outside").st_ino == before.st_ino);
    CHECK(pair.leftovers() == 0);
}

TEST_CASE("a source that became a FIFO or a symlink is not opened through") {
    Pair pair;
    pair.tree.write("secret", "secret");
    pair.tree.make_fifo("source/pipe");
    pair.tree.link("source/link", pair.tree.path("secret"));
    CHECK(contains(pair.commit(pair.put("pipe")).error, "no file any more"));
    CHECK(contains(pair.commit(pair.put("link")).error, "cannot read the source"));
    CHECK(contains(pair.commit(pair.put("gone")).error, "cannot read the source"));
    CHECK(std::filesystem::is_empty(pair.tree.path("target")));
}

TEST_CASE("a file that is written to all the time arrives as it was at one moment, or not at all") {
    Pair pair;
    const std::string path = pair.tree.path("source/f");
    pair.tree.write("source/f", std::string(3 << 20, 'a'));
    std::atomic<bool> done{false};
    std::thread writer([&] {
        // At every moment the file begins with the newer letter and ends with the older one; a torn copy changes back.
        fs::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        for (char letter = 'b'; !done; letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1)) {
            const std::string part(64 << 10, letter);
            for (off_t at = 0; at < 3 << 20; at += 64 << 10)
                std::ignore = ::pwrite(file.get(), part.data(), part.size(), at);
        }
    });
    for (int i = 0; i < 20; ++i) {
        std::filesystem::remove(pair.tree.path("target/f"));
        pair.list();
        CommitItem result = pair.commit(pair.put("f"));
        if (result.error.empty()) {
            std::string copy = pair.read("target/f");
            size_t boundary = copy.find_first_not_of(copy[0]);
            bool was_a_state =
                boundary == std::string::npos || copy.find_first_not_of(copy[boundary], boundary) == std::string::npos;
            CHECK(was_a_state);
        } else {
            CHECK_FALSE(std::filesystem::exists(pair.tree.path("target/f")));
        }
    }
    done = true;
    writer.join();
    CHECK(pair.leftovers() == 0);
}

TEST_CASE("a cancelled batch leaves nothing in the making") {
    Pair pair;
    pair.tree.write("source/large", std::string(32 << 20, 'x'));
    for (int i = 0; i < 50; ++i) pair.tree.write("source/f" + std::to_string(i), "small");
    pair.limiter.set_rate(1);  // every copy waits for its turn until it is cancelled
    std::vector<CommitItem> items{pair.put("large")};
    std::vector<std::string> names;
    for (int i = 0; i < 50; ++i) names.push_back("f" + std::to_string(i));
    for (const std::string& name : names) items.push_back(pair.put(name));
    TestLoop loop;
    fs::Fd source = fs::open_root(pair.tree.path("source"));
    loop.start(pair.endpoint.commit(ContentSource{source.get(), false}, items, pair.progress));
    loop.settle();
    while (pair.leftovers() == 0) std::this_thread::yield();
    loop.cancel();
    CHECK_THROWS(loop.finish());
    CHECK(std::filesystem::is_empty(pair.tree.path("target")));
}

TEST_CASE("a full disk is said to be one, leaves the old file and no leftovers") {
    std::string result = in_child([] {
        require(::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0,
                "namespace");
        TempTree tree;
        tree.make_directory("target");
        require(::mount("none", tree.path("target").c_str(), "tmpfs", 0, "size=1m") == 0, "tmpfs");
        tree.write("source/small", "new");
        tree.write("source/large", std::string(4 << 20, 'x'));
        tree.write("target/large", "old");
        WorkerPool workers(2);
        fs::HashPool hashes(1);
        fs::RateLimiter limiter;
        Progress progress;
        LocalEndpoint endpoint(tree.path("target"), true, workers, hashes, limiter);
        Entry old;
        fs::Fd target = fs::open_root(tree.path("target"));
        require(fs::read_entry(target.get(), "large", old), "stat");
        std::vector<CommitItem> items(2);
        items[0].path = "large";
        items[0].expected = &old;
        items[1].path = "small";
        fs::Fd source = fs::open_root(tree.path("source"));
        run_task(endpoint.commit(ContentSource{source.get(), false}, items, progress));
        require(items[0].disk_trouble && contains(items[0].error, "No space left"), items[0].error);
        // The other thread may find the disk full, too, as long as the large one's beginning stands there.
        bool has_small = items[1].error.empty();
        require(has_small || items[1].disk_trouble, items[1].error);
        require(tree.read("target/large") == "old", "the old file stays");
        int entries = 0;
        for (const auto& entry : std::filesystem::directory_iterator(tree.path("target")))
            entries += !entry.path().empty();
        require(entries == (has_small ? 2 : 1), "no leftovers");
        ::umount2(tree.path("target").c_str(), MNT_DETACH);
    });
    CHECK(result == "");
}

TEST_CASE("a target that may not be written to is named with its reason") {
    std::string result = in_child([] {
        Pair pair;
        pair.tree.write("source/d/f", "new");
        pair.tree.make_directory("target/d");
        if (!drop_privileges()) return;
        CommitItem item = pair.commit(pair.put("d/f"));
        require(contains(item.error, "Permission denied"), item.error);
        require(!item.disk_trouble, "one path's trouble, not the disk's");
    });
    CHECK(result == "");
}

TEST_CASE("homes and the root directory are no targets for a mirror") {
    CHECK(is_root_or_home("/"));
    std::string home = ::getpwuid(0)->pw_dir;
    CHECK(is_root_or_home(home));
    CHECK(is_root_or_home(home + "/."));
    CHECK_FALSE(is_root_or_home(home + "/backup"));
    CHECK(is_mount_point("/proc"));
    CHECK_FALSE(is_mount_point("/proc/self"));
}
