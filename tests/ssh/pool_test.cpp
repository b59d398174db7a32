// The pool: connections are shared, replaced when they are gone, and asked for once.
#include "ssh/pool.hpp"

#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../async/run_task.hpp"
#include "async/nursery.hpp"
#include "large_data.hpp"
#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

size_t count_in(const std::string& text, const std::string& part) {
    size_t count = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
    return count;
}

Task<void> use_one(SessionPool& pool, int& done) {
    auto leasing = pool.acquire();
    auto lease = co_await std::move(leasing);
    auto running = run_short_script(lease.session(), "echo ok", 100);
    auto output = co_await std::move(running);
    CHECK(output.text == "ok\n");
    auto sftp = co_await lease.sftp();
    auto root = co_await sftp->lstat("/");
    CHECK(root.ok());
    ++done;
}

Task<void> use_many(SshSettings settings, size_t limit, int users, int& done) {
    auto executor = co_await asio::this_coro::executor;
    SessionPool pool(executor, std::move(settings), limit);
    auto body = [&](Nursery& nursery) {
        for (int i = 1; i < users; ++i) nursery.spawn(use_one(pool, done));
        return use_one(pool, done);
    };
    co_await with_nursery(body);
}

TEST_CASE("many users share a few connections", "[ssh]") {
    SshServer server;
    int done = 0;
    run_task(use_many(server.settings(), 3, 20, done));
    CHECK(done == 20);
    auto sign_ins = count_in(server.log(), "Accepted publickey");
    CHECK(sign_ins >= 1);
    CHECK(sign_ins <= 3);
}

TEST_CASE("one question serves all connections", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    settings.identity_files = {server.add_key("locked", "ed25519", "a secret")};
    Answers answers({"a secret", "a secret", "a secret"});
    settings.passphrase = answers.source();
    int done = 0;
    run_task(use_many(settings, 3, 6, done));
    CHECK(done == 6);
    CHECK(answers.asked.size() == 1);
}

Task<void> lose_and_use(SshSettings settings, int& done) {
    auto executor = co_await asio::this_coro::executor;
    SessionPool pool(executor, std::move(settings), 1);
    {
        auto leasing = pool.acquire();
        auto lease = co_await std::move(leasing);
        auto running = run_short_script(lease.session(), "kill -9 $PPID", 100);
        bool lost = false;
        try {
            co_await std::move(running);
        } catch (const SshError& error) {
            lost = error.failure() == Failure::lost;
        }
        CHECK(lost);
    }
    co_await use_one(pool, done);
}

TEST_CASE("a connection that is gone is replaced", "[ssh]") {
    SshServer server;
    int done = 0;
    run_task(lose_and_use(server.settings(), done));
    CHECK(done == 1);
}

Task<void> be_refused_twice(SshSettings settings, std::vector<std::string>& whys) {
    auto executor = co_await asio::this_coro::executor;
    SessionPool pool(executor, std::move(settings), 2);
    for (int i = 0; i < 2; ++i) {
        auto leasing = pool.acquire();
        try {
            auto lease = co_await std::move(leasing);
        } catch (const SshError& error) {
            whys.push_back(error.what());
        }
    }
}

TEST_CASE("a refused sign-in is not repeated at once", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    auto key = (server.directory() / "stranger").string();
    run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key});
    settings.identity_files = {key};
    std::vector<std::string> whys;
    run_task(be_refused_twice(settings, whys));
    REQUIRE(whys.size() == 2);
    CHECK(whys[0] == whys[1]);
    CHECK(count_in(server.log(), "Connection from") == 1);
}

Task<void> move_much(Session& session) {
    PatternInput input(60'000'000);
    DigestSink output;
    ScriptLimits limits;
    auto running = run_script(session, "cat", input, output, limits);
    auto result = co_await std::move(running);
    CHECK(result.ok());
    CHECK(output.digest() == input.digest());
}

TEST_CASE("keys are exchanged anew in the middle of a stream, with every cipher", "[ssh]") {
    for (const std::string cipher : {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr",
                                     "chacha20-poly1305@openssh.com"}) {
        INFO(cipher);
        SshServer server({"RekeyLimit 8M", "Ciphers " + cipher});
        with_session(server.settings(), [](Session& session) { return move_much(session); });
    }
}

}  // namespace
}  // namespace syncline::ssh
