// Whole runs over a real OpenSSH server: what arrives, what is left alone, and what is refused.
#include <catch2/catch_test_macros.hpp>

#include "ssh_run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

std::string trouble(const RunReport& report) {
    std::string text = report.error;
    for (const Problem& problem : report.problems) text += "\n" + problem.path + ": " + problem.why;
    for (const Halt& halt : report.halts) text += "\n" + halt.detail;
    return text;
}

void fill(SshRunFixture& fixture) {
    fixture.write("root/a/b/deep", "deep");
    fixture.write("root/a/file", "content");
    fixture.write("root/-dash \"quotes\" $(x)\n\xff", "strange");
    fixture.write("root/large", std::string(5'000'000, 'x'));
    fixture.tree().make_directory("root/empty");
    fixture.tree().link("root/link", "a/file");
}

}  // namespace

TEST_CASE("a push makes the target like the root, and the next one finds nothing to do") {
    SshRunFixture fixture;
    fill(fixture);
    RunReport report = fixture.run();
    INFO(trouble(report));
    REQUIRE(report.outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
    CHECK((fixture.status("target/a").st_mode & 07777) == 0700);
    CHECK((fixture.status("target/a/file").st_mode & 07777) == 0600);
    CHECK(fixture.status("target/a/file").st_mtim.tv_nsec == fixture.status("root/a/file").st_mtim.tv_nsec);
    RunReport second = fixture.run();
    CHECK(second.outcome == Outcome::success);
    CHECK(second.done.put == 0);
    CHECK(second.done.mkdir == 0);
    CHECK(second.planned.put == 0);
}

TEST_CASE("a rule further down may select what is left out everywhere else") {
    for (const std::vector<std::string>& lines : {std::vector<std::string>{}, {"ForceCommand internal-sftp"}}) {
        SshRunFixture fixture(lines);
        fixture.write("root/.gitignore", "node_modules/\n");
        fixture.write("root/node_modules/left/out", "x");
        fixture.write("root/a/.gitignore", "!node_modules/\n");
        fixture.write("root/a/node_modules/package/file", "x");
        fixture.write("target/node_modules/on/the/server", "x");
        RunReport report = fixture.run();
        INFO(trouble(report));
        CHECK(report.done.put == 3);
        fixture.write("root/a/node_modules/package/file", "changed");
        report = fixture.run();
        INFO(trouble(report));
        CHECK(report.planned.put == 1);
        CHECK(report.done.put == 1);
        CHECK(fixture.read("target/a/node_modules/package/file") == "changed");
        CHECK(fixture.exists("target/node_modules/on/the/server"));
        CHECK_FALSE(fixture.exists("target/node_modules/left"));
    }
}

TEST_CASE("changes, deletes and changed kinds arrive") {
    SshRunFixture fixture;
    fill(fixture);
    REQUIRE(fixture.run().outcome == Outcome::success);
    fixture.write("root/a/file", "other content");
    fixture.remove("root/a/b");
    fixture.write("root/a/b", "a file now");
    fixture.remove("root/link");
    fixture.write("root/link/inside", "a directory now");
    fixture.remove("root/empty");
    fixture.write("target/extra", "not ours");
    RunReport report = fixture.run();
    INFO(trouble(report));
    CHECK(report.outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

TEST_CASE("a pull brings what is missing and changed") {
    SshRunFixture fixture;
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::update;
    fixture.write("target/a/b/deep", "deep");
    fixture.write("target/both", "remote");
    fixture.write("target/-dash \"quotes\" $(x)\n\xff", "strange");
    fixture.write("target/large", std::string(5'000'000, 'x'));
    fixture.tree().make_directory("target/empty");
    fixture.write("root/both", "local!");
    fixture.write("root/only-local", "local");
    RunReport report = fixture.run();
    INFO(trouble(report));
    CHECK(report.outcome == Outcome::success);
    CHECK(fixture.read("root/both") == "remote");
    CHECK(fixture.read("root/a/b/deep") == "deep");
    CHECK(fixture.read("root/large").size() == 5'000'000);
    CHECK(fixture.exists("root/only-local"));
    CHECK(fixture.exists("root/empty"));
    for (const auto& entry : std::filesystem::directory_iterator(fixture.tree().path("root"))) {
        CHECK_FALSE(entry.path().filename().string().starts_with(".syncline-tmp-"));
    }
    CHECK(fixture.run().done.put == 0);
}

TEST_CASE("a pull refuses remote symlinks by name") {
    SshRunFixture fixture;
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::mirror;
    fixture.write("target/file", "x");
    fixture.tree().link("target/link", "/etc/passwd");
    RunReport report = fixture.run();
    CHECK(report.outcome == Outcome::partial);
    REQUIRE(report.problems.size() == 1);
    CHECK(report.problems[0].path == "link");
    CHECK_FALSE(fixture.exists("root/link"));
}

TEST_CASE("a pull from nowhere halts") {
    SshRunFixture fixture;
    fixture.job.policy.direction = Direction::pull;
    CHECK(codes(fixture.run()) == "remote-missing");
    CHECK_FALSE(fixture.exists("target"));
}

TEST_CASE("a host alone means the default layout below remote_root") {
    SshRunFixture fixture;
    fixture.job.remote.path = "";
    fixture.write("root/file", "x");
    RunReport report = fixture.run();
    INFO(trouble(report));
    CHECK(report.outcome == Outcome::success);
    std::string directory = "remote-root/" + default_layout_name(fixture.job.root, "0123abcd");
    CHECK(fixture.read(directory + "/file") == "x");
    CHECK((fixture.status(directory).st_mode & 07777) == 0700);
    CHECK((fixture.status("remote-root").st_mode & 07777) == 0700);
}

TEST_CASE("a swapped target halts, and so does a mirror onto the home directory") {
    SshRunFixture fixture;
    fixture.write("root/file", "x");
    fixture.run();
    std::filesystem::rename(fixture.tree().path("target"), fixture.tree().path("elsewhere"));
    fixture.tree().make_directory("target");
    CHECK(codes(fixture.run()) == "remote-changed");
    fixture.job.remote.path = "~";
    CHECK(codes(fixture.run()).find("unsafe-target") != std::string::npos);
}

TEST_CASE("leftovers of a killed run are swept") {
    SshRunFixture fixture;
    fixture.write("root/file", "x");
    fixture.write("target/.syncline-tmp-0123456789abcdef/fedcba9876543210", "x");
    fixture.write("target/.syncline-tmp-mine", "x");
    fixture.job.policy.delete_policy = DeletePolicy::never;
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK_FALSE(fixture.exists("target/.syncline-tmp-0123456789abcdef"));
    CHECK(fixture.exists("target/.syncline-tmp-mine"));
}

TEST_CASE("an account without a shell is served by SFTP alone") {
    SshRunFixture fixture({"ForceCommand internal-sftp"});
    fill(fixture);
    RunReport report = fixture.run();
    INFO(trouble(report));
    REQUIRE(report.outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
    CHECK((fixture.status("target/a").st_mode & 07777) == 0700);
    CHECK((fixture.status("target/a/file").st_mode & 07777) == 0600);
    RunReport second = fixture.run();
    CHECK(second.planned.put == 0);
    fixture.write("root/a/file", "other content");
    fixture.remove("root/a/b");
    fixture.write("root/a/b", "a file now");
    fixture.remove("root/link");
    fixture.write("root/link/inside", "a directory now");
    fixture.write("target/extra", "not ours");
    report = fixture.run();
    INFO(trouble(report));
    CHECK(report.outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

TEST_CASE("a pull without a shell") {
    SshRunFixture fixture({"ForceCommand internal-sftp"});
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::update;
    fixture.write("target/a/b/deep", "deep");
    fixture.write("target/large", std::string(5'000'000, 'x'));
    fixture.tree().make_directory("target/empty");
    RunReport report = fixture.run();
    INFO(trouble(report));
    CHECK(report.outcome == Outcome::success);
    CHECK(fixture.snapshot("root") == fixture.snapshot("target"));
    CHECK(fixture.run().done.put == 0);
}

TEST_CASE("what a killed pull left in the root is swept") {
    SshRunFixture fixture;
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::update;
    fixture.write("target/file", "x");
    fixture.write("root/.syncline-tmp-0123456789abcdef/a/half", "x");
    ::chmod(fixture.tree().path("root/.syncline-tmp-0123456789abcdef").c_str(), 0700);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.snapshot("root") == fixture.snapshot("target"));
}
