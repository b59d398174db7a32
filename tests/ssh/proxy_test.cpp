// Connections through a jump host and through a proxy command.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "run_with.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("a jump host carries the connection, as ssh_config says", "[ssh]") {
    SshServer jump;
    SshServer target;
    auto settings = target.settings();
    auto config = jump.directory() / "config";
    write_file(config, "Host *\n  IdentityFile " + jump.settings().identity_files[0] +
                           "\n  IdentitiesOnly yes\n  UserKnownHostsFile " + jump.settings().known_hosts[0] +
                           "\n  BatchMode yes\n");
    settings.ssh_config_file = config.string();
    settings.proxy_jump = account_name() + "@127.0.0.1:" + std::to_string(jump.port());
    CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    CHECK_THAT(jump.log(), ContainsSubstring("Accepted publickey"));
}

TEST_CASE("a proxy command carries the connection, and its words are passed on when it fails", "[ssh]") {
    SshServer server;
    auto settings = server.settings();
    settings.proxy_command = "/usr/sbin/sshd -i -f '" + (server.directory() / "sshd_config").string() + "'";
    CHECK(run_script_on(settings, "echo ok").text == "ok\n");
    settings.proxy_command = "sh -c 'echo no route to moon >&2; exit 1'";
    CHECK_THROWS_WITH(run_script_on(settings, "true"), ContainsSubstring("the proxy said: no route to moon"));
}

}  // namespace
}  // namespace syncline::ssh
