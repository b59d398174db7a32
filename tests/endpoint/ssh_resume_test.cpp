// What a lost connection had brought over is not brought again: counted at a proxy that drops the connection.
#include <catch2/catch_test_macros.hpp>
#include <random>

#include "ssh/faulty_proxy.hpp"
#include "ssh_run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using ssh::Fault;
using ssh::FaultyProxy;
using ssh::Sender;

namespace {

constexpr uint64_t mib = 1 << 20;

std::string noise(size_t bytes, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string text(bytes, '\0');
    for (size_t i = 0; i + 8 <= bytes; i += 8) {
        uint64_t value = random();
        text.replace(i, 8, reinterpret_cast<const char*>(&value), 8);
    }
    return text;
}

struct Attempt {
    RunReport report;
    uint64_t bytes = 0;  ///< that came from the sender
};

Attempt run_through(SshRunFixture& fixture, Fault fault, uint64_t after_bytes, Sender sender) {
    FaultyProxy proxy(fixture.server.port(), fault, after_bytes, sender);
    auto& table = fixture.options.hosts["test"].table;
    table.port = proxy.port();
    ssh::write_file(table.known_hosts,
                    fixture.server.known_hosts_line("ed25519", "[127.0.0.1]:" + std::to_string(proxy.port())));
    Attempt attempt;
    attempt.report = fixture.run();
    attempt.bytes = proxy.passed_bytes();
    return attempt;
}

/// Drops at `after_bytes`; what then lacks is all that the next attempt moves, but for `slack`: headers, and what was
/// on its way through pipes and windows.
void check_resumed(SshRunFixture& fixture, Sender sender, uint64_t whole, uint64_t after_bytes, uint64_t slack) {
    Attempt broken = run_through(fixture, Fault::drop, after_bytes, sender);
    CHECK(broken.report.outcome == Outcome::failed);
    Attempt second = run_through(fixture, Fault::none, 0, sender);
    INFO(second.report.error);
    CHECK(second.report.outcome == Outcome::success);
    CHECK(second.bytes < whole - after_bytes + slack);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

void pull(SshRunFixture& fixture) {
    fixture.job.policy.direction = Direction::pull;
    fixture.job.policy.pull = PullPolicy::update;
}

}  // namespace

TEST_CASE("a large file that broke off is pushed from where it was") {
    for (uint64_t after : {9 * mib, 25 * mib, 39 * mib}) {
        INFO(after);
        SshRunFixture fixture;
        fixture.write("root/d/large", noise(40 * mib, 1));
        fixture.write("root/small", "small");
        check_resumed(fixture, Sender::client, 40 * mib, after, 6 * mib);
    }
}

TEST_CASE("a large file that broke off is pulled from where it was") {
    for (uint64_t after : {9 * mib, 25 * mib, 39 * mib}) {
        INFO(after);
        SshRunFixture fixture;
        pull(fixture);
        fixture.write("target/d/large", noise(40 * mib, 2));
        fixture.write("target/small", "small");
        fixture.tree().make_directory("root");
        check_resumed(fixture, Sender::server, 40 * mib, after, 6 * mib);
    }
}

TEST_CASE("small files that came over before the connection was lost are not sent again") {
    for (Direction direction : {Direction::push, Direction::pull}) {
        SshRunFixture fixture;
        bool is_push = direction == Direction::push;
        if (!is_push) pull(fixture);
        for (unsigned i = 0; i < 2000; ++i) {
            std::string path = "d" + std::to_string(i % 10) + "/file-" + std::to_string(i);
            fixture.write((is_push ? "root/" : "target/") + path, noise(20'000, i));
        }
        if (!is_push) fixture.tree().make_directory("root");
        check_resumed(fixture, is_push ? Sender::client : Sender::server, 40 * mib, 28 * mib, 12 * mib);
    }
}

TEST_CASE("what was left of another content is not used") {
    SshRunFixture fixture;
    fixture.write("root/large", noise(40 * mib, 3));
    CHECK(run_through(fixture, Fault::drop, 20 * mib, Sender::client).report.outcome == Outcome::failed);
    fixture.write("root/large", noise(40 * mib, 4));
    CHECK(run_through(fixture, Fault::none, 0, Sender::client).report.outcome == Outcome::success);
    CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
}

TEST_CASE("every way of transfer brings everything") {
    for (Transfer transfer : {Transfer::automatic, Transfer::files, Transfer::tar}) {
        SshRunFixture fixture;
        fixture.job.transfer = transfer;
        for (int i = 0; i < 50; ++i) fixture.write("root/d/file-" + std::to_string(i), std::to_string(i));
        fixture.write("root/empty", "");
        fixture.write("root/large", noise(20 * mib, 5));
        RunReport report = fixture.run();
        INFO(report.error);
        CHECK(report.outcome == Outcome::success);
        CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
        CHECK((fixture.status("target/d/file-7").st_mode & 07777) == 0600);
        CHECK(fixture.status("target/large").st_mtime == fixture.status("root/large").st_mtime);
        pull(fixture);
        fixture.remove("root/d");
        fixture.remove("root/large");
        report = fixture.run();
        INFO(report.error);
        CHECK(report.outcome == Outcome::success);
        CHECK(fixture.snapshot("target") == fixture.snapshot("root"));
    }
}

TEST_CASE("the bandwidth limit holds in both directions") {
    SshRunFixture fixture;
    fixture.write("root/large", noise(12 * mib, 6));
    static_cast<Endpoints&>(fixture.endpoints()).set_bandwidth_limit(6 * mib);
    auto seconds_of_run = [&] {
        auto begin = std::chrono::steady_clock::now();
        RunReport report = fixture.run();
        CHECK(report.outcome == Outcome::success);
        CHECK(report.done.put == 1);
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    CHECK(seconds_of_run() > 1.8);
    pull(fixture);
    fixture.remove("root/large");
    CHECK(seconds_of_run() > 1.8);
}
