// Pulls between two real directories: each mode changes what it may and nothing else.
#include <catch2/catch_test_macros.hpp>

#include <filesystem>

#include "run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

struct PullFixture : RunFixture {
    explicit PullFixture(PullPolicy mode) {
        job.policy.direction = Direction::pull;
        job.policy.pull = mode;
        write("target/both", "remote");
        write("target/only-remote", "remote");
        write("target/generated", "@generated\nremote");
        write("root/both", "local!");
        write("root/only-local", "local");
        write("root/generated", "// @generated\nlocal");
    }
};

}  // namespace

TEST_CASE("generated updates marked files only and creates nothing") {
    PullFixture fixture(PullPolicy::generated);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.read("root/generated") == "@generated\nremote");
    CHECK(fixture.read("root/both") == "local!");
    CHECK_FALSE(fixture.exists("root/only-remote"));
    CHECK(fixture.exists("root/only-local"));
}

TEST_CASE("the marker counts in the first 4 KiB only") {
    PullFixture fixture(PullPolicy::generated);
    fixture.write("root/generated", std::string(4090, ' ') + "@generated");
    fixture.run();
    CHECK(fixture.read("root/generated").size() == 4100);
    fixture.write("root/generated", std::string(4086, ' ') + "@generated");
    fixture.run();
    CHECK(fixture.read("root/generated") == "@generated\nremote");
}

TEST_CASE("missing creates and touches nothing that exists") {
    PullFixture fixture(PullPolicy::missing);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.read("root/only-remote") == "remote");
    CHECK(fixture.read("root/both") == "local!");
    CHECK(fixture.read("root/generated") == "// @generated\nlocal");
}

TEST_CASE("update overwrites and deletes nothing") {
    PullFixture fixture(PullPolicy::update);
    ::chmod(fixture.tree().path("root/both").c_str(), 0640);
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK(fixture.read("root/both") == "remote");
    CHECK((fixture.status("root/both").st_mode & 0777) == 0640);  // what exists keeps its mode
    CHECK(fixture.exists("root/only-local"));
}

TEST_CASE("mirror deletes after the first whole pull, and spares what is not selected") {
    PullFixture fixture(PullPolicy::mirror);
    fixture.write("root/.gitignore", "*.o\n");
    fixture.write("target/.gitignore", "*.o\n");
    fixture.write("root/kept/x.o", "ignored, local");
    fixture.write("target/y.o", "ignored, remote");
    CHECK(codes(fixture.run()) == "no-baseline");
    fixture.job.policy.adopt = true;
    CHECK(fixture.run().outcome == Outcome::success);
    fixture.job.policy.adopt = false;
    CHECK_FALSE(fixture.exists("root/only-local"));
    CHECK(fixture.exists("root/kept/x.o"));
    CHECK_FALSE(fixture.exists("root/y.o"));
    fixture.remove("target/both");
    CHECK(fixture.run().outcome == Outcome::success);
    CHECK_FALSE(fixture.exists("root/both"));
}

TEST_CASE("symlinks of a local source are made, and nothing is written through those that are here") {
    PullFixture fixture(PullPolicy::update);
    fixture.tree().link("target/link", "/etc/passwd");
    fixture.write("target/d/file", "x");
    fixture.write("outside/keep", "kept");
    fixture.tree().link("root/d", fixture.tree().path("outside"));
    RunReport report = fixture.run();
    CHECK(report.outcome == Outcome::partial);
    CHECK(std::filesystem::read_symlink(fixture.tree().path("root/link")) == "/etc/passwd");
    CHECK(fixture.snapshot("outside").size() == 1);
}
