// Connecting, host keys and signing in, against a real sshd.
#include "ssh/session.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "../async/run_task.hpp"
#include "run_with.hpp"
#include "ssh/exec.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("a script runs and its output, errors and status come back", "[ssh]") {
    SshServer server;
    auto output = run_script_on(server.settings(), "echo out; echo err >&2; exit 3");
    CHECK(output.text == "out\n");
    CHECK(output.result.errors == "err\n");
    CHECK(output.result.exit.status == 3);
    CHECK(output.result.why() == "exit status 3: err");
}

TEST_CASE("keys of every kind sign in", "[ssh]") {
    SshServer server;
    for (const std::string type : {"rsa", "ecdsa", "ed25519"}) {
        INFO(type);
        auto settings = server.settings();
        settings.identity_files = {server.add_key("id_" + type, type)};
        CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    }
}

TEST_CASE("an encrypted key's passphrase is asked for", "[ssh]") {
    SshServer server;
    for (const std::string type : {"rsa", "ed25519"}) {
        INFO(type);
        auto settings = server.settings();
        settings.identity_files = {server.add_key("locked_" + type, type, "a secret")};
        CHECK_THROWS_WITH(run_script_on(settings, "true"), ContainsSubstring("is encrypted and nobody can be asked"));
        Answers answers({"wrong", "a secret"});
        settings.passphrase = answers.source();
        CHECK(run_script_on(settings, "echo ok").text == "ok\n");
        CHECK(answers.asked.size() == 2);
    }
}

TEST_CASE("an encrypted key that the server does not take is not asked for", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    auto key = server.directory() / "stranger";
    run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "a secret", "-f", key.string()});
    settings.identity_files = {key.string(), settings.identity_files[0]};
    Answers answers({});
    settings.passphrase = answers.source();
    CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    CHECK(answers.asked.empty());
}

TEST_CASE("the agent signs in, with RSA keys too", "[ssh]") {
    SshServer server;
    TemporaryDirectory directory;
    TestAgent agent(directory.path() / "agent");
    auto settings = server.settings();
    settings.identity_files.clear();
    settings.agent_socket = agent.socket();
    for (const std::string type : {"rsa", "ecdsa", "ed25519"}) {
        INFO(type);
        agent.forget_all();
        agent.add(server.add_key("agent_" + type, type));
        CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    }
}

TEST_CASE("a refused sign-in says what was tried and what to do", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    auto key = server.directory() / "stranger";
    run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key.string()});
    settings.identity_files = {key.string()};
    try {
        run_script_on(settings, "true");
        FAIL("signed in with a stranger's key");
    } catch (const SshError& error) {
        CHECK(error.failure() == Failure::authentication);
        CHECK_FALSE(error.may_retry());
        CHECK_THAT(error.what(), ContainsSubstring(settings.shown()) &&
                                     ContainsSubstring("The server takes publickey") &&
                                     ContainsSubstring(key.string()) && ContainsSubstring("identity_file"));
    }
}

TEST_CASE("an unknown host key is refused with the command that adds it", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    settings.known_hosts = {(server.directory() / "empty").string()};
    CHECK_THROWS_WITH(run_script_on(settings, "true"),
                      ContainsSubstring("is not known: SHA256:") && ContainsSubstring("ssh -o UserKnownHostsFile=") &&
                          ContainsSubstring("-p " + std::to_string(server.port())) && ContainsSubstring("accept-new"));
    CHECK_FALSE(std::filesystem::exists(settings.known_hosts[0]));
}

TEST_CASE("accept-new stores the key, and a changed one is refused all the same", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    auto file = server.directory() / "new" / "known_hosts";
    settings.known_hosts = {file.string()};
    settings.host_key_policy = HostKeyPolicy::accept_new;
    CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    CHECK(read_file(file) == server.known_hosts_line("ed25519", server.known_hosts_name()));
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) == std::filesystem::perms(0600));
    auto before = run_program({"ssh-keygen", "-lf", (server.directory() / "host_ed25519").string()});
    server.change_host_keys();
    auto after = run_program({"ssh-keygen", "-lf", (server.directory() / "host_ed25519").string()});
    auto fingerprint = [](const std::string& text) { return text.substr(text.find("SHA256"), 50); };
    CHECK_THROWS_WITH(run_script_on(settings, "true"),
                      ContainsSubstring("CHANGED") && ContainsSubstring(fingerprint(before)) &&
                          ContainsSubstring(fingerprint(after)) && ContainsSubstring("ssh-keygen -R"));
}

TEST_CASE("a host with several keys is known by the one that is recorded", "[ssh]") {
    SshServer server({}, {"ecdsa", "rsa", "ed25519"});
    auto settings = server.settings();
    for (const std::string type : {"rsa", "ecdsa", "ed25519"}) {
        INFO(type);
        write_file(settings.known_hosts[0], server.known_hosts_line(type, server.known_hosts_name()));
        run_program({"ssh-keygen", "-q", "-H", "-f", settings.known_hosts[0]});
        CHECK(read_file(settings.known_hosts[0]).starts_with("|1|"));
        CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    }
}

TEST_CASE("a revoked host key is refused", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    settings.host_key_policy = HostKeyPolicy::accept_new;
    write_file(settings.known_hosts[0], "@revoked * " + server.known_hosts_line("ed25519", "").substr(1));
    CHECK_THROWS_WITH(run_script_on(settings, "true"), ContainsSubstring("@revoked"));
}

TEST_CASE("a port where nobody listens is named", "[ssh]") {
    auto settings = [] {
        SshServer server;
        auto copy = server.settings();
        return copy;
    }();
    settings.known_hosts.clear();
    try {
        run_script_on(settings, "true");
        FAIL("connected");
    } catch (const SshError& error) {
        CHECK(error.failure() == Failure::connect);
        CHECK_THAT(error.what(), ContainsSubstring("Connection refused"));
    }
}

}  // namespace
}  // namespace syncline::ssh
