#include <catch2/catch_test_macros.hpp>

#include "config/reach.hpp"
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

std::vector<std::string> reach(const std::string& body) {
    ParseOutcome outcome = parse_body(body, {{"SECRET", "s"}});
    INFO(joined(outcome.errors));
    REQUIRE(outcome.file);
    return texts(untrusted_reach(*outcome.file, make_environment()));
}

}  // namespace

TEST_CASE("an untrusted file stays below its own directory") {
    CHECK(reach("[jobs.x]\nroot = \".\"\nremote = \"host:\"\n").empty());
    CHECK(reach("[jobs.x]\nroot = \"a\"\nremote = \"b\"\n").empty());
    CHECK(reach("[jobs.x]\nroot = \"..\"\nremote = \"host:\"\n") ==
          std::vector<std::string>{
              "jobs.toml:3:1: [jobs.x] has its root outside of the job file's directory: /, which it "
              "reads"});
    CHECK(reach("[jobs.x]\nroot = \"a\"\nremote = \"/home/user/keep\"\n").size() == 1);
    CHECK(reach("[defaults]\nsymlinks = \"follow\"\n[jobs.x]\nroot = \"a\"\nremote = \"b\"\n").size() == 1);
    CHECK(reach("[status]\nlisten = \"unix:/run/x\"\n").size() == 1);
}

TEST_CASE("a fact says which side is written to") {
    auto fact = [](const std::string& keys) {
        std::vector<std::string> facts = reach("[jobs.x]\n" + keys);
        REQUIRE(facts.size() == 1);
        return facts.front();
    };
    const std::string far_root = "root = \"/far\"\nremote = \"host:\"\n",
                      far_remote = "root = \"a\"\nremote = \"/far\"\n";
    CHECK(fact(far_root).ends_with(": /far, which it reads"));
    CHECK(fact(far_root + "direction = \"pull\"\n").ends_with(": /far, which it writes to"));
    CHECK(fact(far_remote).ends_with(": /far, which it writes to"));
    CHECK(fact(far_remote + "direction = \"pull\"\n").ends_with(": /far, which it reads"));
}

TEST_CASE("an untrusted file says nothing of which keys are believed, sent or signed in with") {
    CHECK(reach("[hosts.h]\nhostname = \"h.example\"\nhost_key = \"accept-new\"\n") ==
          std::vector<std::string>{"jobs.toml:4:1: [hosts.h] believes any new host key of h.example and writes it to "
                                   "known_hosts: host_key = accept-new"});
    CHECK(reach("[hosts.h]\nhost_key = \"strict\"\n").empty());
    CHECK(reach("[hosts.h]\nknown_hosts = \"mine\"\n").size() == 1);
    CHECK(reach("[hosts.h]\nidentity_file = \"key\"\n").size() == 1);
    CHECK(reach("[hosts.h]\nclean = { max_age = \"1d\" }\n").size() == 1);
    CHECK(reach("[buckets.b]\nprovider = \"s3\"\nbucket = \"b\"\ncredentials = { profile = \"prod\" }\n").size() == 1);
    CHECK(reach("[jobs.x]\nroot = \"a\"\nremote = \"h:\"\ninclude_git = true\n").size() == 1);
    CHECK(reach("[jobs.x]\nroot = \"a\"\nremote = \"b\"\ninclude_git = true\n").empty());
}

TEST_CASE("a fact changes with what trust in it is about, and with nothing else") {
    auto facts = [](const std::string& body) {
        ParseOutcome outcome = parse_body(body, {});
        REQUIRE(outcome.file);
        return facts_of(untrusted_reach(*outcome.file, make_environment()));
    };
    const std::string job = "[jobs.x]\nroot = \"/far\"\nremote = \"h:\"\n";
    CHECK(facts(job + "exclude = [\"*.o\"]\ninterval = \"5m\"\n") == facts("\n\n" + job));
    CHECK(facts("[jobs.x]\nroot = \"/other\"\nremote = \"h:\"\n") != facts(job));
    const std::string secret = "password = { env = \"TOKEN\" }\n";
    CHECK(facts("[hosts.h]\nhostname = \"a\"\n" + secret) != facts("[hosts.h]\nhostname = \"b\"\n" + secret));
    CHECK(facts("[hosts.h]\nhostname = \"a\"\n" + secret) == facts("[hosts.h]\n" + secret + "hostname = \"a\"\n"));
    CHECK(facts("[hosts.h]\nclean = { max_age = \"9d\" }\n") != facts("[hosts.h]\nclean = { max_age = \"8d\" }\n"));
}

TEST_CASE("an untrusted file does not leave its directory by a symlink") {
    TempDirectory temp;
    std::filesystem::create_directories(temp / "project");
    std::filesystem::create_directory_symlink("/etc", temp / "project/etc");
    std::string text = "version = 1\n[jobs.x]\nroot = \"etc\"\nremote = \"h:\"\n";
    ParseOutcome outcome = parse_job_file(text, temp / "project/jobs.toml", make_environment());
    REQUIRE(outcome.file);
    CHECK(untrusted_reach(*outcome.file, make_environment()).size() == 1);
}

TEST_CASE("an untrusted file runs no command and sends no secret") {
    CHECK(reach("[hosts.h]\npassword = { command = \"evil\" }\n") ==
          std::vector<std::string>{"jobs.toml:3:1: [hosts.h] runs a command: password = evil"});
    CHECK(reach("[hosts.h]\npassword = { env = \"AWS_SECRET\" }\n").size() == 1);
    CHECK(reach("[hosts.h]\nquota_source = { command = \"evil\" }\n").size() == 1);
    CHECK(
        reach("[buckets.b]\nprovider = \"s3\"\nbucket = \"b\"\ncredentials = { env = [\"TOKEN\", \"X\"] }\n").size() ==
        1);
    CHECK(
        reach("[buckets.b]\nprovider = \"s3\"\nbucket = \"b\"\ncredentials = { instance_metadata = true }\n").size() ==
        1);
    CHECK(reach("[engine]\nssh_config = \"evil\"\n").size() == 1);
    CHECK(reach("[jobs.x]\nroot = \".\"\nremote = \"h:${SECRET}\"\n").size() == 1);
    CHECK(reach("[jobs.x]\nroot = \".\"\nremote = \"h:\"\non_success = \"a\"\non_failure = \"b\"\non_halt = \"c\"\n")
              .size() == 3);
}

TEST_CASE("only what the chosen jobs use counts") {
    ParseOutcome outcome = parse_body(
        "[jobs.near]\nroot = \"a\"\nremote = \"b\"\n[jobs.far]\nroot = \"${SECRET}\"\nremote = \"/far\"\n"
        "[jobs.server]\nroot = \"c\"\nremote = \"h:\"\n[jobs.bucket]\nroot = \"c\"\nremote = \"b:${SECRET}\"\n"
        "[hosts.h]\npassword = { command = \"evil\" }\n[hosts.other]\nhostname = \"${SECRET}\"\n"
        "[buckets.b]\nprovider = \"s3\"\nbucket = \"b\"\ncredentials = { env = [\"TOKEN\", \"X\"] }\n"
        "[engine]\nssh_config = \"evil\"\n[status]\nlisten = \"unix:/run/x\"\n",
        {{"SECRET", "s"}});
    INFO(joined(outcome.errors));
    REQUIRE(outcome.file);
    auto lines_of = [&](std::vector<Job> jobs, bool serves_status = false) {
        std::vector<int> lines;
        for (const Diagnostic& found : untrusted_reach(*outcome.file, jobs, serves_status, make_environment()))
            lines.push_back(found.line);
        return lines;
    };
    const std::vector<Job>& jobs = outcome.file->jobs;
    CHECK(lines_of({jobs[0]}).empty());
    CHECK(lines_of({}, true) == std::vector{24});
    CHECK(lines_of({jobs[1]}) == std::vector{6, 7});
    CHECK(lines_of({jobs[0], jobs[2]}) == std::vector{15, 23});
    CHECK(lines_of({jobs[3]}) == std::vector{13, 21});
    CHECK(untrusted_reach(*outcome.file, make_environment()).size() == 8);
}

TEST_CASE("a job of the command line answers for the defaults, not for its places") {
    ParseOutcome outcome =
        parse_body("[defaults]\non_halt = \"evil\"\n[hosts.h]\nquota_source = { command = \"q\" }\n");
    REQUIRE(outcome.file);
    Job job = outcome.file->defaults;
    job.root = "/far";
    job.remote = {Destination::Type::ssh, "h", "/x"};
    CHECK(texts(untrusted_reach(*outcome.file, {job}, false, make_environment())) ==
          std::vector<std::string>{"jobs.toml:3:1: [defaults] runs a command: on_halt = evil",
                                   "jobs.toml:5:1: [hosts.h] runs a command: quota_source = q"});
}
