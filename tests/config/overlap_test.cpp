#include "config/overlap.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

std::string job(const std::string& name, const std::string& root, const std::string& remote,
                const std::string& direction = "push") {
    return "[jobs." + name + "]\nroot = \"" + root + "\"\nremote = \"" + remote + "\"\ndirection = \"" + direction +
           "\"\n";
}

size_t errors(const std::string& jobs) {
    ParseOutcome outcome = parse_body(jobs);
    INFO(joined(outcome.errors));
    return outcome.errors.size();
}

}  // namespace

TEST_CASE("a job does not copy a tree into itself") {
    CHECK(errors(job("a", "/x", "/x")) == 1);
    CHECK(errors(job("a", "/x", "/x/copy")) == 1);
    CHECK(errors(job("a", "/x/y", "/x")) == 1);
    CHECK(errors(job("a", "/x/y", "/x", "pull")) == 1);
    CHECK(errors(job("a", "/x", "/xy")) == 0);
}

TEST_CASE("two jobs do not write to one place") {
    CHECK(errors(job("a", "/1", "/t") + job("b", "/2", "/t")) == 1);
    CHECK(errors(job("a", "/1", "/t/sub") + job("b", "/2", "/t")) == 1);
    CHECK(errors(job("a", "/1", "/t") + job("b", "/t/sub", "/2", "pull")) == 1);
    CHECK(errors(job("a", "/1", "/t") + job("b", "/1", "/u")) == 0);
    CHECK(errors(job("a", "/1", "/t1") + job("b", "/2", "/t2")) == 0);

    CHECK(errors(job("a", "/1", "h:x") + job("b", "/2", "h:~/x/y")) == 1);
    CHECK(errors(job("a", "/1", "h:x") + job("b", "/2", "g:x")) == 0);
    CHECK(errors(job("a", "/1", "h:") + job("b", "/2", "h:")) == 0);
    CHECK(errors(job("a", "/1", "h:") + job("b", "/1", "h:")) == 1);
    CHECK(errors(job("a", "/1", "h:") + job("b", "/2", "h:.cache/syncline")) == 1);
    CHECK(errors("[hosts.one]\nhostname = \"s.org\"\n[hosts.two]\nhostname = \"S.org\"\nport = 22\n" +
                 job("a", "/1", "one:x") + job("b", "/2", "two:x")) == 1);
    CHECK(errors("[buckets.b]\nprovider = \"s3\"\nbucket = \"k\"\n" + job("a", "/1", "b:p") + job("b", "/2", "b:p/q") +
                 job("c", "/3", "b:pq")) == 1);
}

TEST_CASE("the later job is told about the earlier one") {
    ParseOutcome outcome = parse_body(job("a", "/1", "/t") + job("b", "/2", "/t/u"));
    CHECK(joined(outcome.errors) ==
          "jobs.toml:8:1: [jobs.b] writes to /t/u, which overlaps /t, the target of [jobs.a] (line 2): each would undo "
          "the "
          "other's work");
}

TEST_CASE("jobs do not feed each other in a circle; a chain is fine") {
    CHECK(errors(job("a", "/1", "/2") + job("b", "/2", "/3")) == 0);
    CHECK(errors(job("a", "/1", "/2") + job("b", "/2", "/1")) == 1);
    CHECK(errors(job("a", "/1", "/2") + job("b", "/1", "/2", "pull")) == 1);
    CHECK(errors(job("a", "/1", "/2/in") + job("b", "/2", "/1/in")) == 1);
    CHECK(errors(job("a", "/1", "h:x") + job("b", "/1", "h:x", "pull")) == 1);
    CHECK(errors(job("d", "/3", "/9") + job("a", "/1", "/2") + job("b", "/2", "/3") + job("c", "/3/y", "/1/x")) == 1);

    ParseOutcome outcome = parse_body(job("a", "/1", "/2") + job("b", "/2", "/3") + job("c", "/3", "/1"));
    CHECK(joined(outcome.errors) ==
          "jobs.toml:12:1: jobs feed each other in a circle: [jobs.a] -> [jobs.b] -> [jobs.c] -> [jobs.a]; each reads "
          "what the one "
          "before it writes");
}

TEST_CASE("places are compared after following symlinks") {
    TempDirectory temp;
    std::filesystem::create_directories(temp / "data");
    std::filesystem::create_directory_symlink(temp / "data", temp / "link");
    CHECK(errors(job("a", temp / "data", temp / "link/copy")) == 1);
    CHECK(errors(job("a", "/1", temp / "link/x") + job("b", "/2", temp / "data/x")) == 1);
    CHECK(errors(job("a", temp / "link", temp / "other") + job("b", temp / "other", temp / "data")) == 1);
}

TEST_CASE("thousands of jobs are compared in a moment, more are refused") {
    std::string many;
    for (int number = 0; number < 2000; ++number) {
        std::string name = "j" + std::to_string(number);
        many += job(name, "/r/" + name, "/t/" + name);
    }
    CHECK(errors(many) == 0);
    std::string too_many;
    for (int number = 0; number < 4001; ++number) too_many += "jobs.x" + std::to_string(number) + " = {}\n";
    CHECK(errors(too_many) == 1);
}
