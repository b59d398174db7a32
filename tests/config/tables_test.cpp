#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("the status endpoint listens on loopback only") {
    auto listen = [](const std::string& address) { return parse_body("[status]\nlisten = \"" + address + "\"\n"); };
    for (std::string good :
         {"127.0.0.1:7411", "127.3.2.1:1", "[::1]:80", "localhost:8080", "unix:/run/x", "unix:~/x"}) {
        INFO(good);
        CHECK(joined(listen(good).errors) == "");
    }
    CHECK(listen("unix:~/x").file->status_listen == "unix:/home/user/x");
    for (std::string bad :
         {"0.0.0.0:7411", "192.168.1.1:80", "[::]:80", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1.evil.org:80",
          "127.0.1:80", "127.0.0.256:80", "example.org:80", ":80", "unix:", "localhost:", "localhost:x"}) {
        INFO(bad);
        CHECK(listen(bad).errors.size() == 1);
    }
    CHECK(parse_body("[status]\n").errors.size() == 1);
}

TEST_CASE("hosts and buckets are checked") {
    auto host_error = [](const std::string& line) {
        ParseOutcome outcome = parse_body("[hosts.h]\n" + line + "\n");
        INFO(line);
        REQUIRE(outcome.errors.size() == 1);
        CHECK(outcome.errors[0].line == 3);
        return outcome.errors[0].message;
    };
    CHECK(host_error("hostname = \"-oProxyCommand=x\"").find("must not begin with '-'") != std::string::npos);
    CHECK(host_error("user = \"-x\"").find("must not begin with '-'") != std::string::npos);
    CHECK(host_error("remote_root = \"-x\"").find("must not begin with '-'") != std::string::npos);
    for (std::string line :
         {"port = 0", "port = 65536", "port = \"22\"", "host_key = \"no\"", "password = 3", "password = {}",
          "password = { env = \"A\", command = \"b\" }", "password = { file = \"x\" }", "quota_source = \"df\"",
          "quota_source = {}", "quota_source = { cmd = \"x\" }", "hostname = \"a\\nb\"", "hostname = \"a;b\"",
          "hostname = \"$(a)\"", "user = \"a b\"", "user = \"`a`\"", "user = \"a'b\"", "hostnam = \"x\""}) {
        CHECK(host_error(line) != "");
    }
    CHECK(parse_body("[hosts.-x]\n").errors.at(0).message.find("cannot name a host") != std::string::npos);
    CHECK(parse_body("[buckets.\"\"]\n").errors.at(0).message.find("cannot name a bucket") != std::string::npos);
    CHECK(parse_body("[buckets.b]\n").errors.size() == 2);  // no bucket, no endpoint
    CHECK(parse_body("[buckets.b]\nbucket = \"x\"\nprovider = \"b2\"\n").errors.size() == 1);
    CHECK(parse_body("[buckets.b]\nbucket = \"x\"\nprovider = \"s3\"\n").file);
    CHECK(parse_body("[buckets.b]\nbucket = \"x\"\nendpoint = \"ftp://x\"\n").errors.size() == 1);
    CHECK(parse_body("[buckets.b]\nbucket = \"x y\"\nprovider = \"s3\"\n").errors.size() == 1);
    CHECK(
        parse_body("[buckets.b]\nbucket = \"x\"\nprovider = \"s3\"\ncredentials = { env = [\"A\"] }\n").errors.size() ==
        1);
    const std::string bucket = "[buckets.b]\nbucket = \"x\"\nprovider = \"s3\"\n";
    CHECK(parse_body(bucket + "credentials = { env = \"A\" }\n").errors.size() == 1);
    CHECK(parse_body(bucket + "credentials = { env = [\"A\", 2] }\n").errors.size() == 1);
    ParseOutcome given = parse_body(bucket + "addressing = \"path\"\ncredentials = { instance_metadata = true }\n");
    REQUIRE(given.file);
    CHECK(given.file->buckets.at("b").addressing == "path");
    CHECK(given.file->buckets.at("b").instance_metadata);
    CHECK(parse_body(bucket + "addressing = \"dns\"\n").errors.size() == 1);
    CHECK(parse_body(bucket + "credentials = { instance_metadata = true, profile = \"p\" }\n").errors.size() == 1);
    CHECK(parse_body("[hosts.x]\n[buckets.x]\nbucket = \"x\"\nprovider = \"s3\"\n").errors.at(0).message ==
          "'x' names both a host and a bucket");
}

TEST_CASE("the example leaves out build trees and takes headers") {
    ParseOutcome example = load_job_file(SYNCLINE_SOURCE_ROOT "/jobs.example.toml", make_environment());
    REQUIRE(example.file);
    REQUIRE(example.file->jobs.size() == 2);
    Filter checkout(example.file->jobs[0].filter), docs(example.file->jobs[1].filter);
    CHECK(checkout.judge(nullptr, "build-x", true) == Verdict::Choice::unselected);
    CHECK(checkout.judge(nullptr, "meson.build", false) == Verdict::Choice::selected);
    CHECK(checkout.judge(nullptr, "subprojects/packagecache", true) == Verdict::Choice::unselected);
    CHECK(docs.judge(nullptr, "base/text.hpp", false) == Verdict::Choice::selected);
    CHECK(docs.judge(nullptr, "base/text.cpp", false) == Verdict::Choice::unselected);
    CHECK(docs.judge(nullptr, "cli", true) == Verdict::Choice::unselected);
}

TEST_CASE("a job that says delete = synced or never spares changes, unless it says otherwise") {
    auto overwrites = [](const std::string& remote, const std::string& keys, const std::string& defaults = "") {
        ParseOutcome outcome = parse("version = 1\n[defaults]\n" + defaults + "\n[hosts.host]\n[buckets.b]\n" +
                                     "provider = \"minio\"\nbucket = \"b\"\nendpoint = \"http://h:1\"\n" +
                                     "[jobs.j]\nroot = \"/r\"\nremote = \"" + remote + "\"\n" + keys);
        REQUIRE(joined(outcome.errors) == "");
        return policy_name(outcome.file->jobs[0].policy.overwrite);
    };
    for (const char* remote : {"/elsewhere", "host:x"}) {
        CHECK(overwrites(remote, "") == "always");
        CHECK(overwrites(remote, "delete = \"mirror\"") == "always");
        CHECK(overwrites(remote, "delete = \"synced\"") == "unchanged");
        CHECK(overwrites(remote, "delete = \"never\"") == "unchanged");
        CHECK(overwrites(remote, "", "delete = \"never\"") == "unchanged");
        CHECK(overwrites(remote, "delete = \"never\"\noverwrite = \"always\"") == "always");
        CHECK(overwrites(remote, "overwrite = \"unchanged\"") == "unchanged");
        CHECK(overwrites(remote, "delete = \"mirror\"", "overwrite = \"unchanged\"") == "unchanged");
    }
    CHECK(overwrites("b:p", "delete = \"mirror\"") == "unchanged");
    CHECK(overwrites("b:p", "overwrite = \"always\"") == "always");
}
