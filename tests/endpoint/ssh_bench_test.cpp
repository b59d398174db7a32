// Figures of whole runs, for eyes only: run with [bench].
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdio>

#include "ssh_run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

void timed(const char* what, SshRunFixture& fixture) {
    auto begin = std::chrono::steady_clock::now();
    RunReport report = fixture.run();
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
    std::printf("%-28s %6ld ms  put %lu  %s\n", what, static_cast<long>(ms), report.done.put, report.error.c_str());
}

void fill(SshRunFixture& fixture, int files, size_t size) {
    for (int i = 0; i < files; ++i) {
        std::string path = "root/d" + std::to_string(i / 100) + "/file-" + std::to_string(i);
        fixture.write(path, std::to_string(i) + std::string(size, 'x'));
    }
}

}  // namespace

TEST_CASE("20,000 files of 4 KiB", "[.bench]") {
    SshRunFixture fixture;
    fill(fixture, 20'000, 4096);
    timed("first push", fixture);
    timed("nothing changed", fixture);
    fixture.write("root/d5/new", "x");
    timed("one file", fixture);
}

TEST_CASE("100,000 files of 1.5 KiB", "[.bench]") {
    SshRunFixture fixture;
    fill(fixture, 100'000, 1500);
    timed("first push", fixture);
    timed("nothing changed", fixture);
    fixture.write("root/d5/new", "x");
    timed("one file", fixture);
}

TEST_CASE("1 GiB in one file", "[.bench]") {
    SshRunFixture fixture;
    std::string content(size_t{1} << 30, 'x');
    for (size_t i = 0; i < content.size(); i += 4096) content[i] = static_cast<char>(i >> 12);
    fixture.write("root/large", content);
    timed("push", fixture);
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::update;
    fixture.remove("root/large");
    timed("pull", fixture);
}
