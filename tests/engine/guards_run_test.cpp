// Guards, as a run meets them on real directories: what halts writes nothing, and both ways out lead out.
#include <catch2/catch_test_macros.hpp>

#include "run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

void fill(RunFixture& fixture, int files) {
    for (int i = 0; i < files; ++i) fixture.write("root/f" + std::to_string(i), std::to_string(i));
}

RunReport adopt(RunFixture& fixture) {
    fixture.job.policy.adopt = true;
    RunReport report = fixture.run();
    fixture.job.policy.adopt = false;
    return report;
}

}  // namespace

TEST_CASE("a missing root halts and touches nothing") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    std::filesystem::rename(fixture.tree().path("root"), fixture.tree().path("elsewhere"));
    CHECK(codes(fixture.run()) == "root-missing");
    CHECK(fixture.snapshot("target").size() == 3);
    std::filesystem::rename(fixture.tree().path("elsewhere"), fixture.tree().path("root"));
    CHECK(fixture.run().outcome == Outcome::success);
}

TEST_CASE("an emptied root halts; --adopt empties the target, too") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    for (int i = 0; i < 3; ++i) fixture.remove("root/f" + std::to_string(i));
    CHECK(codes(fixture.run()) == "root-emptied");
    CHECK(fixture.snapshot("target").size() == 3);
    CHECK(adopt(fixture).outcome == Outcome::success);
    CHECK(fixture.snapshot("target").empty());
}

TEST_CASE("a root that is another directory halts, emptied first; --adopt takes it") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    std::filesystem::rename(fixture.tree().path("root"), fixture.tree().path("elsewhere"));
    fixture.tree().make_directory("root");
    CHECK(codes(fixture.run()) == "root-emptied root-changed");
    fill(fixture, 4);
    CHECK(codes(fixture.run()) == "root-changed");
    CHECK(adopt(fixture).outcome == Outcome::success);
    CHECK(fixture.run().outcome == Outcome::success);
}

TEST_CASE("a root replaced by a file or a symlink halts") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    std::filesystem::rename(fixture.tree().path("root"), fixture.tree().path("elsewhere"));
    fixture.write("root", "a file");
    CHECK(codes(fixture.run()) == "root-changed");
    fixture.remove("root");
    fixture.tree().link("root", fixture.tree().path("elsewhere"));
    CHECK(codes(fixture.run()) == "root-changed");
    CHECK(fixture.snapshot("target").size() == 3);
}

TEST_CASE("a swapped target halts") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    std::filesystem::rename(fixture.tree().path("target"), fixture.tree().path("elsewhere"));
    fixture.tree().make_directory("target");
    fixture.write("target/other", "not ours");
    CHECK(codes(fixture.run()) == "remote-changed");
    CHECK(fixture.exists("target/other"));
    CHECK(adopt(fixture).outcome == Outcome::success);
    CHECK_FALSE(fixture.exists("target/other"));
}

TEST_CASE("an inode number that is used again does not pass for the same directory") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    auto inode = fixture.status("target").st_ino;
    for (int attempt = 0; attempt < 50; ++attempt) {
        fixture.remove("target");
        fixture.tree().make_directory("target");
        if (fixture.status("target").st_ino == inode) break;
    }
    fixture.write("target/other", "not ours");
    CHECK(codes(fixture.run()) == "remote-changed");
    CHECK(fixture.exists("target/other"));
}

TEST_CASE("a push that could not do everything is no whole sync yet") {
    std::string result = in_child([] {
        RunFixture fixture;
        fixture.write("root/secret", "x");
        fixture.write("root/f", "x");
        for (auto& entry : std::filesystem::recursive_directory_iterator(fixture.tree().path())) {
            std::ignore = ::chown(entry.path().c_str(), 65534, 65534);
        }
        std::ignore = ::chown(fixture.tree().path().c_str(), 65534, 65534);
        ::chmod(fixture.tree().path("root/secret").c_str(), 0);
        if (!drop_privileges()) return;
        require(fixture.run().outcome == Outcome::partial, "partial");
        fixture.write("target/mine", "not ours");
        ::chmod(fixture.tree().path("root/secret").c_str(), 0600);
        RunReport report = fixture.run();
        require(codes(report) == "no-baseline", "no-baseline, not: " + codes(report));
        require(fixture.exists("target/mine"), "kept");
    });
    CHECK(result == "");
}

TEST_CASE("a run below a path does not get around an emptied root") {
    RunFixture fixture;
    for (const char* path : {"root/d/1", "root/d/2", "root/f"}) fixture.write(path, "x");
    fixture.run();
    fixture.remove("root/d");
    fixture.remove("root/f");
    RunOptions options;
    options.paths = {"d"};
    CHECK(codes(fixture.run(options)) == "root-emptied");
    CHECK(fixture.exists("target/d/1"));
}

TEST_CASE("a filter of the command line excludes nothing on the target under delete_excluded") {
    RunFixture fixture;
    fixture.job.policy.delete_excluded = true;
    fixture.write("root/a.txt", "x");
    fixture.write("root/b.o", "x");
    fixture.run();
    std::string why;
    fixture.job.filter.exclude.push_back({*Glob::compile("*.o", why), "", "--exclude"});
    RunOptions options;
    options.narrowed = true;
    CHECK(fixture.run(options).outcome == Outcome::success);
    CHECK(fixture.exists("target/b.o"));
    CHECK(fixture.run().done.removed == 1);  // the job file's own would
}

TEST_CASE("empty directories are deletes as well") {
    RunFixture fixture;
    fixture.write("root/f", "x");
    fixture.tree().make_directory("target/theirs/deep");
    CHECK(codes(fixture.run()) == "no-baseline");
    CHECK(fixture.exists("target/theirs/deep"));
}

TEST_CASE("a first mirror onto a full directory halts before it deletes") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.write("target/other", "not ours");
    RunReport report = fixture.run();
    CHECK(codes(report) == "no-baseline");
    CHECK(fixture.snapshot("target").size() == 1);  // a halted run writes nothing at all
    fixture.job.policy.delete_policy = DeletePolicy::never;
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.snapshot("target").size() == 4);
}

TEST_CASE("too many deletes halt, and a nibbling series of runs does as well") {
    RunFixture fixture;
    fill(fixture, 40);
    fixture.run();
    for (int i = 0; i < 21; ++i) fixture.remove("root/f" + std::to_string(i));
    CHECK(codes(fixture.run()) == "max-delete");
    CHECK(fixture.snapshot("target").size() == 40);
    for (int i = 0; i < 11; ++i) fixture.write("root/f" + std::to_string(i), std::to_string(i));
    CHECK(fixture.run().done.removed == 10);
    for (int i = 0; i < 11; ++i) fixture.remove("root/f" + std::to_string(i));
    CHECK(codes(fixture.run()) == "max-delete");
    CHECK(adopt(fixture).done.removed == 11);
    fixture.remove("root/f39");
    CHECK(fixture.run().outcome == Outcome::success);  // adopted deletes do not count against later ones: 10 + 1 of 40
}

TEST_CASE("removed empty directories count in a nibbling series, as they do in one run") {
    RunFixture fixture;
    for (int i = 0; i < 40; ++i) fixture.tree().make_directory("root/d" + std::to_string(i) + "/empty");
    fixture.run();
    auto remove = [&fixture](int begin, int end) {
        for (int i = begin; i < end; ++i) fixture.remove("root/d" + std::to_string(i));
    };
    remove(0, 15);
    CHECK(fixture.run().outcome == Outcome::success);
    remove(15, 30);
    CHECK(codes(fixture.run()) == "max-delete");
    CHECK(fixture.exists("target/d15"));
}

TEST_CASE("a root that a repository around it ignores is said to select nothing, and why") {
    RunFixture fixture;
    fixture.tree().write(".git/HEAD", "ref: refs/heads/main\n");
    fixture.tree().make_directory(".git/objects");
    fixture.tree().make_directory(".git/refs");
    fixture.tree().write(".gitignore", "/root/*\n");
    fixture.write("root/f", "x");
    fixture.job.ignore_files = {".gitignore"};
    for (const RunReport& report : {fixture.plan(), fixture.run()}) {
        CHECK(report.outcome == Outcome::success);
        REQUIRE(report.notes.size() == 1);
        CHECK(report.notes[0].path == fixture.job.root);
        CHECK(report.notes[0].why.find(".gitignore:1: '/root/*'") != std::string::npos);
    }
    fixture.job.ignore_files = {};
    CHECK(fixture.run().notes.empty());
    CHECK(fixture.exists("target/f"));
}

TEST_CASE("a state that is removed while its user runs on is begun anew, and nothing is deleted") {
    RunFixture fixture;
    fill(fixture, 20);
    CHECK(fixture.run().outcome == Outcome::success);
    std::filesystem::remove_all(fixture.state_directory());
    fixture.remove("root/f0");
    RunReport report = fixture.run();
    CHECK(codes(report) == "no-baseline");
    REQUIRE(report.notes.size() == 1);
    CHECK(report.notes[0].why.find("begun anew") != std::string::npos);
    CHECK(fixture.exists("target/f0"));
    CHECK(fixture.exists("state/state.db"));
    fixture.write("root/f0", "0");
    report = fixture.run();
    CHECK(report.outcome == Outcome::success);
    CHECK(report.notes.empty());
    fixture.remove("root/f0");
    CHECK(fixture.run().done.removed == 1);  // a whole sync is recorded again
    CHECK(Store(fixture.state_directory()).pairs().size() == 1);
}

TEST_CASE("a root recorded by an older version is the same, and is recorded with all that is known now") {
    RunFixture fixture;
    fill(fixture, 3);
    fixture.run();
    // The number of a device may be another one after a boot, and with it what some file systems make their id from.
    auto whole_sync = [&fixture] {
        return *fixture.store().whole_sync(fixture.store().pair(fixture.store().pairs()[0]));
    };
    auto record = [&fixture](const WholeSync& sync) {
        fixture.store().record_whole_sync(fixture.store().pair(fixture.store().pairs()[0]), sync);
    };
    const WholeSync now = whole_sync();
    WholeSync before = now;
    before.source->uuid = before.target->uuid = "";
    record(before);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(whole_sync().source->uuid == now.source->uuid);
    before = now;
    before.source->file_system = before.target->file_system = "other id";
    record(before);
    if (now.source->uuid.empty()) SKIP("this file system tells no UUID");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(whole_sync().target->file_system == now.target->file_system);
    before = now;
    before.source->uuid = "another";
    record(before);
    CHECK(codes(fixture.run()) == "root-changed");
}

TEST_CASE("what is not mounted halts") {
    RunFixture fixture;
    fill(fixture, 1);
    fixture.job.mountpoint = fixture.tree().path();
    CHECK(codes(fixture.run()) == "unmounted");
    fixture.job.mountpoint = "/proc";
    CHECK(fixture.run().outcome == Outcome::success);
}

TEST_CASE("a pull from nowhere halts") {
    RunFixture fixture;
    fixture.job.policy.direction = Direction::pull;
    CHECK(codes(fixture.run()) == "remote-missing");
    CHECK_FALSE(fixture.exists("target"));
}

TEST_CASE("an unreadable source directory keeps what is below it on the target") {
    std::string result = in_child([] {
        RunFixture fixture;
        fixture.write("root/d/file", "x");
        fixture.write("root/e/file", "y");
        ::chmod(fixture.tree().path().c_str(), 0777);
        for (auto& entry : std::filesystem::recursive_directory_iterator(fixture.tree().path())) {
            std::ignore = ::chown(entry.path().c_str(), 65534, 65534);
        }
        if (!drop_privileges()) return;
        fixture.run();
        ::chmod(fixture.tree().path("root/d").c_str(), 0);
        fixture.remove("root/e/file");
        RunReport report = fixture.run();
        require(report.outcome == Outcome::partial, "partial");
        require(report.problems.size() == 1 && report.problems[0].path == "d", "d is named, once");
        require(fixture.exists("target/d/file"), "what is below d stays");
        require(!fixture.exists("target/e/file"), "the rest goes on");
        ::chmod(fixture.tree().path("root/d").c_str(), 0755);
    });
    CHECK(result == "");
}

TEST_CASE("where an ignore file cannot be read, nothing it may hide is sent, overwritten or deleted") {
    std::string result = in_child([] {
        RunFixture fixture;
        std::ignore = ::chown(fixture.tree().path().c_str(), 65534, 65534);
        for (auto& entry : std::filesystem::recursive_directory_iterator(fixture.tree().path())) {
            std::ignore = ::chown(entry.path().c_str(), 65534, 65534);
        }
        require(drop_privileges() || ::geteuid() != 0, "a user whom modes bind");
        fixture.job.ignore_files = {".gitignore"};
        fixture.write("root/d/.gitignore", "*.key\n");
        for (const char* path : {"root/d/kept", "root/d/gone", "root/e/file"}) fixture.write(path, "old");
        require(fixture.run().outcome == Outcome::success, "first copy");
        ::chmod(fixture.tree().path("root/d/.gitignore").c_str(), 0);
        fixture.write("root/d/secret.key", "secret");
        fixture.write("root/d/below/secret.key", "secret");
        fixture.write("root/d/kept", "new");
        fixture.write("root/e/file", "new");
        fixture.remove("root/d/gone");
        RunReport report = fixture.run();
        require(exit_status(report) == 4, "partly done");
        require(report.problems.size() == 1 && report.problems[0].path == "d/.gitignore", "the file is named");
        require(!fixture.exists("target/d/secret.key") && !fixture.exists("target/d/below"), "nothing is sent");
        require(fixture.read("target/d/kept") == "old" && fixture.exists("target/d/gone"), "nothing is changed");
        require(fixture.read("target/e/file") == "new", "the rest goes on");
    });
    CHECK(result == "");
}

TEST_CASE("where a put failed, nothing in its directory or below is deleted") {
    std::string result = in_child([] {
        RunFixture fixture;
        fixture.write("root/d/old", "x");
        fixture.write("root/d/below/old", "x");
        fixture.write("root/e/old", "x");
        for (auto& entry : std::filesystem::recursive_directory_iterator(fixture.tree().path())) {
            std::ignore = ::chown(entry.path().c_str(), 65534, 65534);
        }
        std::ignore = ::chown(fixture.tree().path().c_str(), 65534, 65534);
        if (!drop_privileges()) return;
        fixture.run();
        for (const char* path : {"root/d/old", "root/d/below/old", "root/e/old"}) fixture.remove(path);
        fixture.write("root/d/secret", "cannot be read");
        ::chmod(fixture.tree().path("root/d/secret").c_str(), 0);
        RunReport report = fixture.run();
        require(report.outcome == Outcome::partial, "partial");
        require(fixture.exists("target/d/old") && fixture.exists("target/d/below/old"), "withheld");
        require(!fixture.exists("target/e/old"), "deleted elsewhere");
        require(report.problems.size() == 3, "each failed path is named");
    });
    CHECK(result == "");
}
