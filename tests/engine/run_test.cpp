// Whole runs between two real directories.
#include <catch2/catch_test_macros.hpp>

#include "run_fixture.hpp"
#include "state/lock.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("a push makes the target equal, and the next one does nothing") {
    RunFixture fixture;
    fixture.write("root/a/b/file", "content");
    fixture.write("root/empty", "");
    fixture.tree().make_directory("root/hollow");
    fixture.tree().link("root/link", "a/b/file");
    fixture.tree().link("root/dangling", "/nowhere");

    RunReport first = fixture.run();
    CHECK(first.outcome == Outcome::success);
    CHECK(first.done.put == 4);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));

    RunReport second = fixture.run();
    CHECK(second.outcome == Outcome::success);
    CHECK(second.planned.put + second.planned.mkdir + second.planned.removed + second.planned.chmod == 0);
    CHECK(second.planned.unchanged == 7);
}

TEST_CASE("with fsync the result is the same") {
    RunFixture fixture;
    fixture.job.fsync = true;
    fixture.write("root/a/file", "content");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

TEST_CASE("modes, times and holes") {
    RunFixture fixture;
    fixture.write("root/script", "#!/bin/sh\n");
    ::chmod(fixture.tree().path("root/script").c_str(), 04755);
    fixture.write("root/old", "x");
    timespec times[2] = {{-1000, 0}, {-1000, 0}};  // 1969
    ::utimensat(AT_FDCWD, fixture.tree().path("root/old").c_str(), times, 0);
    fixture.write("root/sparse", "begin");
    std::filesystem::resize_file(fixture.tree().path("root/sparse"), 64 << 20);
    fixture.set_age("root/sparse", 50);
    fixture.tree().make_directory("root/d");

    CHECK(fixture.run().outcome == Outcome::success);
    CHECK((fixture.status("target/script").st_mode & 07777) == 0700);
    CHECK((fixture.status("target/d").st_mode & 07777) == 0700);
    CHECK(fixture.status("target/old").st_mtim.tv_sec == -1000);
    CHECK(fixture.status("target/sparse").st_size == 64 << 20);
    CHECK(fixture.status("target/sparse").st_blocks * 512 < 1 << 20);
    CHECK(fixture.status("target/script").st_mtim.tv_sec == fixture.status("root/script").st_mtim.tv_sec);
}

TEST_CASE("permissions = preserve carries modes without setuid, into read-only directories too") {
    RunFixture fixture;
    fixture.job.policy.permissions = PermissionPolicy::preserve;
    fixture.write("root/d/file", "x");
    ::chmod(fixture.tree().path("root/d/file").c_str(), 04755);
    ::chmod(fixture.tree().path("root/d").c_str(), 0555);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK((fixture.status("target/d").st_mode & 07777) == 0555);
    CHECK((fixture.status("target/d/file").st_mode & 07777) == 0755);
    ::chmod(fixture.tree().path("root/d/file").c_str(), 0644);
    RunReport again = fixture.run();
    CHECK(again.done.chmod == 1);
    CHECK((fixture.status("target/d/file").st_mode & 07777) == 0644);
    ::chmod(fixture.tree().path("target/d").c_str(), 0755);  // so that the tree can be removed
}

TEST_CASE("read-only directories are kept up to date by a user who may not write to them") {
    std::string result = in_child([] {
        RunFixture fixture;
        fixture.job.policy.permissions = PermissionPolicy::preserve;
        std::ignore = ::chown(fixture.tree().path().c_str(), 65534, 65534);
        for (auto& entry : std::filesystem::recursive_directory_iterator(fixture.tree().path())) {
            std::ignore = ::chown(entry.path().c_str(), 65534, 65534);
        }
        require(drop_privileges() || ::geteuid() != 0, "a user whom modes bind");
        fixture.write("root/d/file", "x");
        fixture.write("root/d/e/old", "x");
        auto source_mode = [&](const char* path, mode_t mode) { ::chmod(fixture.tree().path(path).c_str(), mode); };
        auto all_modes = [&](mode_t mode) {
            for (const char* path : {"root/d/e", "root/d"}) source_mode(path, mode);
        };
        auto require_in_step = [&](const std::string& when) {
            RunReport report = fixture.run();
            require(report.outcome == Outcome::success, when + ": " + report.error);
            require(report.problems.empty(), when + ": a problem");
            require(fixture.snapshot("target") == fixture.snapshot("root"), when + ": content");
            for (const char* path : {"/d", "/d/e"}) {
                if (!fixture.exists("root" + std::string(path))) continue;
                mode_t there = fixture.status("target" + std::string(path)).st_mode;
                require(there == fixture.status("root" + std::string(path)).st_mode, when + ": mode");
            }
            require(fixture.plan().actions.empty(), when + ": nothing is left to do");
        };
        all_modes(0555);
        require_in_step("first copy");
        all_modes(0755);
        fixture.write("root/d/file", "changed");
        fixture.write("root/d/e/new", "y");
        all_modes(0555);
        require_in_step("put");
        all_modes(0755);
        fixture.remove("root/d/e/old");
        fixture.remove("root/d/file");
        all_modes(0555);
        require_in_step("delete");
        source_mode("root/d/e", 0755);
        fixture.write("root/d/e/more", "z");
        require_in_step("no longer read-only");
        source_mode("root/d", 0755);
        fixture.remove("root/d/e");
        source_mode("root/d", 0555);
        require_in_step("rmdir");
        for (const char* path : {"root/d", "target/d"}) source_mode(path, 0755);  // so that the tree can be removed
    });
    CHECK(result == "");
}

TEST_CASE("hard links become separate files, and replacing one leaves the other") {
    RunFixture fixture;
    fixture.write("root/a", "same");
    std::filesystem::create_hard_link(fixture.tree().path("root/a"), fixture.tree().path("root/b"));
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.status("target/a").st_ino != fixture.status("target/b").st_ino);

    // Two names of one inode on the target, both to be replaced: the first replacement changes the other's ctime.
    fixture.remove("target/b");
    std::filesystem::create_hard_link(fixture.tree().path("target/a"), fixture.tree().path("target/b"));
    fixture.remove("root/b");
    fixture.write("root/a", "new a");
    fixture.write("root/b", "new b");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.read("target/a") == "new a");
    CHECK(fixture.read("target/b") == "new b");
}

TEST_CASE("names of one file on the target get the different modes of the source, once") {
    RunFixture fixture;
    fixture.job.policy.permissions = PermissionPolicy::preserve;
    fixture.write("root/a", "same");
    fixture.write("root/b", "same");
    ::chmod(fixture.tree().path("root/b").c_str(), 0755);
    CHECK(fixture.run().outcome == Outcome::success);
    fixture.remove("target/b");
    std::filesystem::create_hard_link(fixture.tree().path("target/a"), fixture.tree().path("target/b"));
    CHECK(fixture.run().outcome == Outcome::success);
    for (const char* name : {"/a", "/b"}) {
        CHECK(fixture.status(std::string("target") + name).st_mode ==
              fixture.status(std::string("root") + name).st_mode);
    }
    CHECK(fixture.plan().actions.empty());
}

TEST_CASE("a file and a directory change places") {
    RunFixture fixture;
    fixture.write("root/x", "file");
    fixture.write("root/y/inside/deep", "directory");
    CHECK(fixture.run().outcome == Outcome::success);
    fixture.remove("root/x");
    fixture.remove("root/y");
    fixture.write("root/x/inside", "directory now");
    fixture.write("root/y", "file now");
    RunReport report = fixture.run();
    CHECK(report.outcome == Outcome::success);
    CHECK(report.done.removed == 2);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

TEST_CASE("special files are noted and never opened") {
    RunFixture fixture;
    fixture.tree().make_fifo("root/pipe");
    fixture.tree().make_socket("root/socket");
    fixture.write("root/file", "x");
    RunReport report = fixture.run();
    CHECK(report.outcome == Outcome::success);
    CHECK(report.notes.size() == 2);
    CHECK(fixture.snapshot("target").size() == 1);
}

TEST_CASE("a change that keeps size and mtime is seen") {
    RunFixture fixture;
    fixture.write("root/file", "aaaa");
    fixture.run();
    fixture.run();
    auto before = fixture.status("root/file").st_mtim;
    fixture.write("root/file", "bbbb");
    timespec times[2] = {before, before};
    ::utimensat(AT_FDCWD, fixture.tree().path("root/file").c_str(), times, 0);
    fixture.run();
    CHECK(fixture.read("target/file") == "bbbb");
}

TEST_CASE("an edit of the target is mended by a mirror") {
    RunFixture fixture;
    fixture.write("root/file", "aaaa");
    fixture.run();
    fixture.write("target/file", "bbbb");
    RunReport report = fixture.run();
    CHECK(report.done.put == 1);
    CHECK(fixture.read("target/file") == "aaaa");
}

TEST_CASE("leftovers of a killed run are swept, but no file that only looks like one") {
    RunFixture fixture;
    fixture.write("root/file", "x");
    fixture.run();
    fixture.write("target/.syncline-tmp-0123456789abcdef", "half");
    fixture.write("root/.syncline-tmp-mine", "a user's file");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK_FALSE(fixture.exists("target/.syncline-tmp-0123456789abcdef"));
    CHECK(fixture.exists("target/.syncline-tmp-mine"));
}

TEST_CASE("a symlink in the way of a directory on the target leads nothing outside") {
    RunFixture fixture;
    fixture.write("root/d/file", "x");
    fixture.write("outside/keep", "kept");
    fixture.run();
    fixture.remove("target/d");
    fixture.tree().link("target/d", fixture.tree().path("outside"));
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.status("target/d").st_mode & S_IFDIR);
    CHECK(fixture.read("target/d/file") == "x");
    CHECK(fixture.snapshot("outside").size() == 1);
}

TEST_CASE("a followed symlink never leads into the copy") {
    RunFixture fixture;
    fixture.job.policy.symlinks = SymlinkPolicy::follow;
    fixture.write("root/file", "x");
    fixture.write("elsewhere/deep/file", "followed");
    fixture.tree().link("root/good", fixture.tree().path("elsewhere"));
    fixture.tree().link("root/up", "..");
    fixture.tree().link("root/copy", fixture.tree().path("target"));
    for (int i = 0; i < 3; ++i) {
        RunReport report = fixture.run();
        CHECK(report.outcome == Outcome::partial);
        CHECK(report.problems.size() == 2);
    }
    CHECK(fixture.read("target/good/deep/file") == "followed");
    CHECK(fixture.snapshot("target").size() == 4);
}

TEST_CASE("a time that no 64 bits of nanoseconds hold is kept") {
    RunFixture fixture;
    fixture.write("root/far", "x");
    timespec times[2] = {{15'000'000'000, 7}, {15'000'000'000, 7}};  // 2445
    ::utimensat(AT_FDCWD, fixture.tree().path("root/far").c_str(), times, 0);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.status("target/far").st_mtim.tv_sec == fixture.status("root/far").st_mtim.tv_sec);
    CHECK(fixture.run().planned.put == 0);
}

TEST_CASE("a run that somebody else does is refused") {
    RunFixture fixture;
    fixture.write("root/file", "x");
    RunReport report = fixture.run();
    std::string state = fixture.state_directory();
    std::string holder;
    auto key_lock = [&] {
        PairKey key{"local:" + fixture.job.root, "local:" + fixture.job.remote.path, Direction::push};
        return FileLock::try_acquire(job_lock_path(state, key), holder);
    };
    auto lock = key_lock();
    REQUIRE(lock);
    try {
        fixture.run();
        FAIL("it ran");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::locked);
        CHECK(std::string(error.what()).find(std::to_string(::getpid())) != std::string::npos);
    }
}

TEST_CASE("a plan changes nothing") {
    RunFixture fixture;
    fixture.write("root/file", "x");
    RunReport report = fixture.plan();
    REQUIRE(report.actions.size() == 1);
    CHECK(report.actions[0].op == Op::put);
    CHECK(report.actions[0].bytes == 1);
    CHECK_FALSE(fixture.exists("target"));
    CHECK(fixture.run().planned.put == 1);
}

TEST_CASE("a run limited to a path makes only the delete of what it put there legitimate") {
    RunFixture fixture;
    fixture.write("root/a/file", "x");
    fixture.write("root/b/file", "y");
    RunOptions options;
    options.paths = {"a"};
    CHECK(fixture.run(options).outcome == Outcome::success);
    CHECK(fixture.exists("target/a/file"));
    CHECK_FALSE(fixture.exists("target/b"));
    options.paths = {"slip"};
    CHECK(exit_status(fixture.run(options)) == 2);
    fixture.remove("root/a/file");
    fixture.write("target/a/theirs", "z");
    RunReport report = fixture.run();
    CHECK(report.outcome == Outcome::halted);
    CHECK(codes(report) == "no-baseline");
    CHECK_FALSE(fixture.exists("target/b"));
    fixture.remove("target/a/theirs");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK_FALSE(fixture.exists("target/a/file"));
}
