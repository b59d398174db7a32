// A connection that drops, stands still or trickles, in every phase: always an Error, always in time.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>

#include "faulty_proxy.hpp"
#include "large_data.hpp"
#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

/// A script that answers, then a directory and a file by SFTP.
Task<void> do_everything(Session& session, std::string path) {
    auto running = run_short_script(session, "echo ok", 1000);
    auto output = co_await std::move(running);
    CHECK(output.text == "ok\n");
    auto sftp = co_await Sftp::start(session);
    auto listing = co_await sftp->list_directory("/", 10'000);
    CHECK(listing.ok());
    SftpAttributes none;
    auto file = co_await sftp->open(path, sftp_open::read, none);
    DigestSink sink;
    auto reading = sftp->read_range(file.value, 0, 1'000'000, sink);
    auto read = co_await std::move(reading);
    CHECK(read.value == 1'000'000);
}

struct Ending {
    bool failed = false;
    std::string why;
    double seconds = 0;
};

Ending try_everything(const SshServer& server, uint16_t port, const std::string& path) {
    auto settings = server.settings();
    write_file(settings.known_hosts[0], server.known_hosts_line("ed25519", "[127.0.0.1]:" + std::to_string(port)));
    settings.port = port;
    settings.connect_timeout = std::chrono::seconds(2);
    settings.step_timeout = std::chrono::seconds(1);
    Ending ending;
    auto began = std::chrono::steady_clock::now();
    try {
        with_session(settings, [&](Session& session) { return do_everything(session, path); });
    } catch (const SshError& error) {
        ending.failed = true;
        ending.why = error.what();
    }
    ending.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return ending;
}

TEST_CASE("a connection that fails at any byte is an error in time", "[ssh]") {
    SshServer server;
    auto path = (server.directory() / "file").string();
    write_file(path, std::string(1'000'000, 'x'));
    uint64_t all = 0;
    {
        FaultyProxy proxy(server.port(), Fault::none, 0);
        REQUIRE_FALSE(try_everything(server, proxy.port(), path).failed);
        all = proxy.passed_bytes();
    }
    for (auto fault : {Fault::drop, Fault::stall, Fault::trickle}) {
        // Every phase: few bytes lie between the steps of signing in, many in the file.
        for (uint64_t after = 0; after + 100 < all; after = after < 6000 ? after + 577 : after * 3) {
            INFO("fault " << static_cast<int>(fault) << " after " << after << " of " << all << " bytes");
            FaultyProxy proxy(server.port(), fault, after);
            auto ending = try_everything(server, proxy.port(), path);
            INFO(ending.why);
            CHECK(ending.failed);
            CHECK_THAT(ending.why, ContainsSubstring("@127.0.0.1:" + std::to_string(proxy.port())));
            CHECK(ending.seconds < 15);
        }
    }
}

}  // namespace
}  // namespace syncline::ssh
