// What known_hosts says, and where settings come from. No server.
#include "ssh/known_hosts.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/text.hpp"
#include "ssh/dial.hpp"
#include "ssh/key_file.hpp"
#include "ssh/settings.hpp"
#include "ssh_server.hpp"

namespace syncline::ssh {
namespace {

HostKey make_key(const std::string& type, const std::string& content) {
    std::string blob{'\0', '\0', '\0', static_cast<char>(type.size())};
    return {type, blob + type + content};
}

std::string line_of(const std::string& hosts, const HostKey& key) {
    return hosts + " " + key.type + " " + base64(key.blob) + "\n";
}

HostKeyVerdict judge(const std::string& text, const std::string& host, const HostKey& key) {
    KnownHosts known(host);
    known.add(text, "known_hosts");
    return known.judge(key);
}

const auto ours = make_key("ssh-ed25519", "ours");
const auto other = make_key("ssh-ed25519", "other");

TEST_CASE("names, lists, patterns and ports are matched as OpenSSH does") {
    CHECK(judge(line_of("a.example", ours), "a.example", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("A.Example", ours), "a.example", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("x,a.example,10.0.0.1", ours), "10.0.0.1", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("*.example", ours), "a.example", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("?.example", ours), "aa.example", ours) == HostKeyVerdict::unknown);
    CHECK(judge(line_of("*.example,!a.example", ours), "a.example", ours) == HostKeyVerdict::unknown);
    CHECK(judge(line_of("[a.example]:2222", ours), "[a.example]:2222", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("a.example", ours), "[a.example]:2222", ours) == HostKeyVerdict::unknown);
    CHECK(known_hosts_name("A.example", 22) == "a.example");
    CHECK(known_hosts_name("A.example", 2222) == "[a.example]:2222");
}

TEST_CASE("another key than the recorded one is a changed one, unless it is recorded too") {
    CHECK(judge(line_of("h", other), "h", ours) == HostKeyVerdict::changed);
    CHECK(judge(line_of("h", other) + line_of("h", ours), "h", ours) == HostKeyVerdict::known);
    CHECK(judge(line_of("h", make_key("ssh-rsa", "r")), "h", ours) == HostKeyVerdict::changed);
}

TEST_CASE("markers: a revoked key is refused, a certificate authority is no host key") {
    CHECK(judge(line_of("h", ours) + line_of("@revoked *", ours), "h", ours) == HostKeyVerdict::revoked);
    CHECK(judge(line_of("@cert-authority h", ours), "h", ours) == HostKeyVerdict::unknown);
}

TEST_CASE("malformed lines are skipped") {
    auto good = line_of("h", ours);
    const std::vector<std::string> lines = {"h",
                                            "h ssh-ed25519",
                                            "h ssh-ed25519 !!!!",
                                            "h ssh-ed25519 AAAA",
                                            "# comment",
                                            "",
                                            "|1|x|y ssh-ed25519 AAAA",
                                            "h ssh-rsa " + base64(ours.blob)};
    for (const auto& line : lines) {
        INFO(line);
        CHECK(judge(line + "\n" + good, "h", ours) == HostKeyVerdict::known);
        CHECK(judge(line + "\n", "h", ours) == HostKeyVerdict::unknown);
    }
}

TEST_CASE("known keys come first among the algorithms") {
    KnownHosts known("h");
    known.add(line_of("h", make_key("ssh-rsa", "r")), "known_hosts");
    CHECK(known.algorithm_preference().starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519"));
    CHECK(KnownHosts("h").algorithm_preference().starts_with("ssh-ed25519,ecdsa"));
}

TEST_CASE("a key is appended on a line of its own") {
    TemporaryDirectory directory;
    auto file = (directory.path() / "known_hosts").string();
    write_file(file, "old line without end");
    append_known_host(file, "h", ours);
    CHECK(read_file(file) == "old line without end\n" + line_of("h", ours));
}

TEST_CASE("settings: the job file's over ssh_config's over defaults") {
    HostTable table;
    table.name = "cse";
    auto plain = settings_from(table, "");
    CHECK((plain.hostname == "cse" && plain.port == 22 && plain.user == account_name()));
    const std::string config =
        "user me\nhostname real.example\nport 2222\nidentityfile /k/%h\nidentityfile /k/two\nidentitiesonly yes\n"
        "userknownhostsfile /kh/one /kh/two\nproxyjump jump:23\nproxycommand nc %h %p\nstricthostkeychecking "
        "accept-new\n"
        "identityagent /agent\nhostkeyalias other\n";
    auto configured = settings_from(table, config);
    CHECK((configured.hostname == "real.example" && configured.port == 2222 && configured.user == "me"));
    CHECK(configured.identity_files == std::vector<std::string>{"/k/real.example", "/k/two"});
    CHECK(configured.known_hosts == std::vector<std::string>{"/kh/one", "/kh/two"});
    CHECK((configured.proxy_jump == "jump:23" && configured.proxy_command == "nc real.example 2222"));
    CHECK((configured.host_key_policy == HostKeyPolicy::accept_new && configured.identities_only));
    CHECK((configured.agent_socket == "/agent" && configured.host_key_alias == "other"));
    table.hostname = "own.example";
    table.user = "own";
    table.port = 24;
    table.identity_file = "/own/key";
    table.known_hosts = "/own/kh";
    table.host_key_policy = HostKeyPolicy::strict;
    auto own = settings_from(table, config);
    CHECK((own.hostname == "own.example" && own.port == 24 && own.user == "own"));
    CHECK(own.identity_files == std::vector<std::string>{"/own/key"});
    CHECK(own.known_hosts == std::vector<std::string>{"/own/kh"});
    CHECK(own.host_key_policy == HostKeyPolicy::strict);
}

TEST_CASE("a jump is made by the ssh client, the last one of a chain as its host") {
    SshSettings settings;
    settings.hostname = "target";
    settings.port = 2222;
    settings.proxy_jump = "one,me@two:23";
    auto command = proxy_jump_command(settings);
    CHECK(command.ends_with(" -J one -W target:2222 -- ssh://me@two:23"));
}

TEST_CASE("key files: encrypted or not, and which key is in them") {
    TemporaryDirectory directory;
    for (std::string format : {"RFC4716", "PEM"}) {
        for (std::string passphrase : {"", "secret"}) {
            auto file = (directory.path() / (format + passphrase)).string();
            run_program({"ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", format, "-N", passphrase, "-f", file});
            auto key = read_key_file(file);
            REQUIRE(key);
            CHECK(key->encrypted == !passphrase.empty());
            CHECK(key->public_blob.find("ssh-rsa") == 4);
        }
    }
    CHECK_FALSE(parse_key_file("no key"));
    CHECK_FALSE(parse_key_file("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"));
    CHECK_FALSE(read_key_file("/nonexistent"));
}

}  // namespace
}  // namespace syncline::ssh
