// Scripts on a real sshd: login shells, noise, large input and output, early ends, cancellation.
#include "ssh/exec.hpp"

#include <openssl/evp.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>

#include "../async/run_task.hpp"
#include "async/nursery.hpp"
#include "base/text.hpp"
#include "large_data.hpp"
#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    return bytes;
}

Task<void> run_cat(Session& session, std::string script, std::string input, ScriptOutput& output) {
    StringInput source(std::move(input));
    StringSink sink(1024 * 1024);
    ScriptLimits limits;
    auto running = run_script(session, std::move(script), source, sink, limits);
    output.result = co_await std::move(running);
    output.text = sink.take_bytes();
}

ScriptOutput run_cat_on(SshSettings settings, std::string script, std::string input) {
    ScriptOutput output;
    with_session(std::move(settings), [&](Session& session) { return run_cat(session, script, input, output); });
    return output;
}

TEST_CASE("whatever the login shell is, the script runs in sh and its input is its own", "[ssh]") {
    for (const std::string shell : {"bash", "dash", "zsh", "fish", "tcsh"}) {
        if (!has_program(shell)) continue;
        INFO(shell);
        // As sshd starts a login shell: with the command behind -c.
        SshServer server({"ForceCommand exec " + shell + " -c \"$SSH_ORIGINAL_COMMAND\""});
        auto output =
            run_cat_on(server.settings(), "x='it'\"'\"'s'; printf '%s!\\n' \"$x\"; cat; exit 7", every_byte());
        CHECK(output.text == "it's!\n" + every_byte());
        CHECK(output.result.exit.status == 7);
        CHECK(output.result.errors.empty());
        auto command = login_shell_command("printf '%s\\n' 'a  b' \"it's $((1+1)) \\\\ % !\"\nexit 9");
        auto plain = run_script_on(server.settings(), "eval " + sh_quote(shell + " -c " + sh_quote(command)));
        CHECK(plain.text == "a  b\nit's 2 \\ % !\n");
        CHECK(plain.result.exit.status == 9);
    }
}

TEST_CASE("what start-up files print is dropped", "[ssh]") {
    SshServer server({"ForceCommand echo welcome; echo trouble >&2; exec bash -c \"$SSH_ORIGINAL_COMMAND\""});
    auto output = run_script_on(server.settings(), "echo out; echo err >&2");
    CHECK(output.text == "out\n");
    CHECK(output.result.errors == "err\n");
}

TEST_CASE("an account without a shell is told apart", "[ssh]") {
    for (const std::string command : {"internal-sftp", "echo This account is not available; exit 1"}) {
        INFO(command);
        SshServer server({"ForceCommand " + command});
        try {
            run_script_on(server.settings(), "true");
            FAIL("a script ran");
        } catch (const SshError& error) {
            CHECK(error.failure() == Failure::no_shell);
            if (command != "internal-sftp")
                CHECK_THAT(error.what(), ContainsSubstring("This account is not available"));
        }
    }
}

TEST_CASE("a script that ends early leaves its input unread", "[ssh]") {
    SshServer server;
    auto output = run_cat_on(server.settings(), "echo enough; exit 4", std::string(20'000'000, 'x'));
    CHECK(output.text == "enough\n");
    CHECK(output.result.exit.status == 4);
}

TEST_CASE("a script that a signal ends says so", "[ssh]") {
    SshServer server;
    auto output = run_script_on(server.settings(), "kill -TERM $$");
    CHECK(output.result.exit.signal == "TERM");
    CHECK_FALSE(output.result.ok());
}

TEST_CASE("output past the limit is an error, and the session lives on", "[ssh]") {
    SshServer server;
    auto session_lives_on = [](Session& session) -> Task<void> {
        auto too_much = run_short_script(session, "yes", 1000);
        bool refused = false;
        try {
            co_await std::move(too_much);
        } catch (const SshError& error) {
            refused = error.failure() == Failure::limit;
        }
        CHECK(refused);
        auto again = run_short_script(session, "echo ok", 1000);
        auto output = co_await std::move(again);
        CHECK(output.text == "ok\n");
    };
    with_session(server.settings(), session_lives_on);
}

Task<void> pass_through(Session& session, uint64_t size) {
    PatternInput input(size);
    DigestSink output;
    ScriptLimits limits;
    auto running = run_script(session, "cat", input, output, limits);
    auto result = co_await std::move(running);
    CHECK(result.ok());
    CHECK(output.size() == size);
    CHECK(output.digest() == input.digest());
}

TEST_CASE("100 MB go up and down at the same time and arrive whole", "[ssh]") {
    SshServer server;
    with_session(server.settings(), [](Session& session) { return pass_through(session, 100'000'000); });
}

TEST_CASE("a slow consumer holds the server back", "[ssh]") {
    SshServer server;
    // The window is 4 MiB: what `dd` has written when the consumer stops is bounded by that and the pipes between.
    class StoppingSink final : public OutputSink {
      public:
        Task<void> take(std::string_view bytes) override {
            size += bytes.size();
            if (size > 1'000'000) throw Error(Errc::failed, "full");
            co_return;
        }
        uint64_t size = 0;
    };
    auto work = [](Session& session) -> Task<void> {
        StringInput nothing("");
        StoppingSink sink;
        ScriptLimits limits;
        bool stopped = false;
        auto running = run_script(session, "dd if=/dev/zero bs=65536 count=16384 2>/dev/null", nothing, sink, limits);
        try {
            co_await std::move(running);
        } catch (const Error&) {
            stopped = true;
        }
        CHECK(stopped);
        CHECK(session.usable());
    };
    with_session(server.settings(), work);
}

Task<void> endless(SshSettings settings, int& begun) {
    auto connecting = Session::connect(std::move(settings));
    auto session = co_await std::move(connecting);
    PatternInput input(UINT64_MAX);
    DigestSink output;
    ScriptLimits limits;
    ++begun;
    auto running = run_script(*session, "cat", input, output, limits);
    co_await std::move(running);
}

TEST_CASE("cancelled at any moment, everything ends and nothing hangs", "[ssh]") {
    SshServer server;
    int begun = 0;
    // The n-th turn of the loop is a moment; they run from the first connect to the middle of the stream.
    for (int turns = 0; turns < 400; turns += 1 + turns / 8) {
        INFO(turns);
        TestLoop loop;
        loop.start(endless(server.settings(), begun));
        for (int i = 0; i < turns && !loop.ended(); ++i) loop.context.run_one();
        loop.cancel();
        loop.context.restart();
        CHECK_THROWS(loop.finish());
    }
    CHECK(begun > 0);
}

}  // namespace
}  // namespace syncline::ssh
