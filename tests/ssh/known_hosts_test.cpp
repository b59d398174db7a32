// What known_hosts says, and where settings come from. No server.
#include "ssh/known_hosts.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/text.hpp"
#include "ssh/dial.hpp"
#include "ssh/host_certificate.hpp"
#include "ssh/key_file.hpp"
#include "ssh/least_rate.hpp"
#include "ssh/settings.hpp"
#include "ssh/text.hpp"
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

TEST_CASE("at another port a key under the plain name counts where the port's own name says nothing") {
    auto judge_at_port = [](const std::string& text) {
        KnownHosts known("[h]:2222", "h");
        known.add(text, "known_hosts");
        return known.judge(ours);
    };
    CHECK(judge_at_port(line_of("h", ours)) == HostKeyVerdict::known);
    CHECK(judge_at_port(line_of("h", other)) == HostKeyVerdict::unknown);
    CHECK(judge_at_port(line_of("h", ours) + line_of("[h]:2222", other)) == HostKeyVerdict::changed);
    CHECK(judge_at_port(line_of("[h]:2222", ours) + line_of("h", other)) == HostKeyVerdict::known);
    CHECK(judge_at_port(line_of("h", ours) + line_of("@revoked h", ours)) == HostKeyVerdict::revoked);
}

TEST_CASE("a certificate counts when a known authority signed it, for this host, now") {
    TemporaryDirectory directory;
    auto at = [&](const std::string& name) { return (directory.path() / name).string(); };
    auto make = [&](const std::string& name, const std::vector<std::string>& kind) {
        std::vector<std::string> command{"ssh-keygen", "-q", "-N", "", "-f", at(name)};
        command.insert(command.end(), kind.begin(), kind.end());
        run_program(command);
        return *decode_base64(words(read_file(at(name) + ".pub"))[1]);
    };
    const std::vector<std::vector<std::string>> kinds = {
        {"-t", "ed25519"}, {"-t", "rsa", "-b", "2048"}, {"-t", "ecdsa", "-b", "256"}, {"-t", "ecdsa", "-b", "521"}};
    for (size_t i = 0; i < kinds.size(); ++i) {
        auto authority = make("authority" + std::to_string(i), kinds[i]);
        auto name = "host" + std::to_string(i);
        auto key = make(name, kinds[i]);
        run_program({"ssh-keygen", "-q", "-s", at("authority" + std::to_string(i)), "-I", "x", "-h", "-n",
                     "a.example,*.lan", "-V", "20200101:20400101", at(name + ".pub")});
        const auto text = read_file(at(name + "-cert.pub"));
        auto blob = *decode_base64(words(text)[1]);
        auto certificate = parse_host_certificate(blob);
        REQUIRE(certificate);
        CHECK(certificate->key.blob == key);
        constexpr uint64_t now = 1'700'000'000;
        CHECK(why_unfit(*certificate, "a.example", {authority}, now).empty());
        CHECK(why_unfit(*certificate, "b.lan", {authority}, now).empty());
        CHECK_FALSE(why_unfit(*certificate, "b.example", {authority}, now).empty());
        CHECK_FALSE(why_unfit(*certificate, "a.example", {key}, now).empty());
        CHECK_FALSE(why_unfit(*certificate, "a.example", {authority}, 1'500'000'000).empty());
        CHECK_FALSE(why_unfit(*certificate, "a.example", {authority}, 2'500'000'000).empty());
        // No bit of it may be another.
        for (size_t at_byte = 0; at_byte < blob.size(); at_byte += 7) {
            auto damaged = blob;
            damaged[at_byte] = static_cast<char>(damaged[at_byte] ^ 4);
            auto other_one = parse_host_certificate(damaged);
            CHECK((!other_one || !why_unfit(*other_one, "a.example", {authority}, now).empty()));
        }
        CHECK_FALSE(parse_host_certificate(std::string_view(blob).substr(0, blob.size() - 1)));
        CHECK_FALSE(parse_host_certificate(key));
    }
}

TEST_CASE("a peer that drips is told from one that is silent or busy") {
    using std::chrono::seconds;
    const LeastRate::Time start{};
    auto survives = [&](size_t bytes, int pieces_a_second) {
        LeastRate rate(start);
        bool lives = true;
        for (int i = 0; i < 120 * pieces_a_second; ++i) {
            lives = rate.note(bytes, start + std::chrono::milliseconds(1000 * i / pieces_a_second)) && lives;
        }
        return lives;
    };
    CHECK_FALSE(survives(1, 2));
    CHECK_FALSE(survives(20, 4));
    CHECK(survives(100, 2));
    CHECK(survives(4096, 1));
    LeastRate silent(start);
    CHECK(silent.note(1, start + seconds(1)));
    CHECK(silent.note(1, start + seconds(1000)));
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

TEST_CASE("settings: variables, quotes and tokens as the ssh client has them") {
    HostTable table;
    table.name = "cse";
    ::setenv("LIMITS_TEST_AGENT", "/run/agent", 1);
    const std::string base = "user me\nhostname real.example\nport 2222\n";
    auto agent = [&](const std::string& value) {
        return settings_from(table, base + "identityagent " + value + "\n").agent_socket;
    };
    CHECK(agent("$LIMITS_TEST_AGENT") == "/run/agent");
    CHECK(agent("${LIMITS_TEST_AGENT}.2") == "/run/agent.2");
    CHECK(agent("$LIMITS_TEST_UNSET").empty());
    CHECK(agent("/a/%r@%h:%p") == "/a/me@real.example:2222");
    auto made = settings_from(
        table, base +
                   "identityfile \"/with a/blank\"\nidentityfile none\nidentityfile ${LIMITS_TEST_AGENT}/%n\n"
                   "userknownhostsfile \"/kh with/blank\" /kh/%k\nproxyjump %r@jump:%p\n");
    CHECK(made.identity_files == std::vector<std::string>{"/with a/blank", "/run/agent/cse"});
    CHECK(made.known_hosts == std::vector<std::string>{"/kh with/blank", "/kh/real.example"});
    CHECK(made.proxy_jump == "me@jump:2222");
    CHECK(settings_from(table, base + "identityfile /%C\n").identity_files[0].size() == 41);
    auto policy = [&](const std::string& value) {
        return settings_from(table, base + "stricthostkeychecking " + value + "\n").host_key_policy;
    };
    CHECK((policy("ask") == HostKeyPolicy::ask && policy("true") == HostKeyPolicy::strict));
    CHECK((policy("false") == HostKeyPolicy::accept_new && policy("accept-new") == HostKeyPolicy::accept_new));
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
