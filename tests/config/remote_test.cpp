#include "config/remote.hpp"

#include <catch2/catch_test_macros.hpp>

#include "base/error.hpp"
#include "config/ad_hoc.hpp"
#include "config/job_rules.hpp"
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

RemoteMeaning read(const std::string& text) {
    std::map<std::string, Host> hosts;
    std::map<std::string, Bucket> buckets;
    hosts["cse"].name = "cse";
    buckets["store"].name = "store";
    return read_remote(text, hosts, buckets, "/project", make_environment());
}

std::string meaning(const std::string& text) {
    RemoteMeaning out = read(text);
    if (!out.destination) return "error";
    static constexpr const char* types[] = {"local", "ssh", "bucket"};
    return std::string(types[static_cast<int>(out.destination->type)]) + " " + out.destination->name + " " +
           out.destination->path;
}

}  // namespace

TEST_CASE("a remote is a host, a bucket or a path") {
    CHECK(meaning("cse:") == "ssh cse ");
    CHECK(meaning("cse:~/x") == "ssh cse ~/x");
    CHECK(meaning("other:/x:y") == "ssh other /x:y");
    CHECK(meaning("me@other:x") == "ssh me@other x");
    CHECK(meaning("store:a/b") == "bucket store a/b");
    CHECK(meaning("store:") == "bucket store ");
    CHECK(meaning("[::1]:x") == "ssh ::1 x");
    CHECK(meaning("me@[fe80::1%eth0]:/x:y") == "ssh me@fe80::1%eth0 /x:y");
    CHECK(meaning("[x/y]:z") == "local  /project/[x/y]:z");
    CHECK(meaning("cse:./~bob/x") == "ssh cse ./~bob/x");
    CHECK(meaning("../x") == "local  /x");
    CHECK(meaning("/x/cse:y") == "local  /x/cse:y");
    CHECK(meaning("./cse:y") == "local  /project/cse:y");
    CHECK(meaning("plain") == "local  /project/plain");
}

TEST_CASE("a remote that a command would misread is refused") {
    for (std::string bad :
         {":x",       "-oProxyCommand=x:", "me@-x:",       "-me@x:",    "a b:",   "a;b:",    "$(x):",
          "cse:-rf",  "cse:a\nb",          "ssh://cse/x",  "[]:x",      "[-x]:y", "[a b]:x", "cse:~bob/x",
          "cse:~bob", "store:/x",          "store:a/../b", "store:./a", "a@:x",   "@a:x"}) {
        INFO(bad);
        CHECK(meaning(bad) == "error");
        CHECK_FALSE(read(bad).error.empty());
    }
}

TEST_CASE("a host that looks like a misspelt table is warned about, and stays valid") {
    CHECK(read("csee:").warning.find("did you mean 'cse'?") != std::string::npos);
    CHECK(read("stor:").warning.find("did you mean 'store'?") != std::string::npos);
    CHECK(read("unlike:").warning.empty());
    ParseOutcome outcome = parse_body("[hosts.cse]\n[jobs.x]\nroot = \"/r\"\nremote = \"csee:\"\n");
    CHECK(outcome.file);
    CHECK(outcome.warnings.at(0).line == 5);
}

TEST_CASE("variables expand in a remote, the server's ~ does not") {
    ParseOutcome outcome =
        parse_body("[jobs.x]\nroot = \"/r\"\nremote = \"${WHERE}:~/${DIR}\"\n", {{"WHERE", "cse"}, {"DIR", "d"}});
    REQUIRE(joined(outcome.errors) == "");
    const Job& job = outcome.file->jobs[0];
    CHECK(job.remote.name == "cse");
    CHECK(job.remote.path == "~/d");
    CHECK(job.remote_text == "${WHERE}:~/${DIR}");
    CHECK(job.variables.size() == 2);
    CHECK(outcome.file->variables.empty());
}

TEST_CASE("an ad hoc job has the file's defaults and the command line's places") {
    ParseOutcome outcome = parse_body("[hosts.cse]\n[defaults]\nexclude = [\"*.o\"]\nroot = \"/elsewhere\"\n");
    REQUIRE(outcome.file);
    ParseEnvironment environment = make_environment();
    AdHocRequest request{"src", "cse:", Direction::pull, "/here"};
    Job job = ad_hoc_job(request, &*outcome.file, environment);
    CHECK(job.name == "ad hoc");
    CHECK(job.root == "/here/src");
    CHECK(job.remote.type == Destination::Type::ssh);
    CHECK(job.policy.direction == Direction::pull);
    CHECK(job.policy.pull == PullPolicy::generated);
    CHECK(job.fsync);
    CHECK(job.filter.exclude.size() == 1);

    replace_remote(job, "~/copy", "/here", nullptr, environment);
    CHECK(job.remote.path == "/home/user/copy");
    CHECK(job.policy.pull == PullPolicy::missing);
    CHECK_THROWS_AS(replace_root(job, "/home/user", "/here", environment), Error);
    CHECK_THROWS_AS(ad_hoc_job({"/a", "/a/b", Direction::push, "/here"}, nullptr, environment), Error);
    CHECK_THROWS_AS(ad_hoc_job({"/a", "-x:", Direction::push, "/here"}, nullptr, environment), Error);
    CHECK_THROWS_AS(ad_hoc_job({"/a", "", Direction::push, "/here"}, nullptr, environment), Error);
}

TEST_CASE("a job that is turned around takes the other direction's defaults") {
    Job job = parse_body("[jobs.x]\nroot = \"/r\"\nremote = \"h:\"\n").file.value().jobs[0];
    CHECK_FALSE(job.fsync);
    set_direction(job, Direction::pull);
    CHECK(job.policy.direction == Direction::pull);
    CHECK(job.fsync);
}
