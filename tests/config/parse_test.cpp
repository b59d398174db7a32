#include "config/parse.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using namespace std::chrono_literals;

TEST_CASE("the designed job file is understood whole") {
    ParseOutcome outcome = parse_body(R"(
[status]
listen = "127.0.0.1:7411"
[engine]
max_parallel_jobs = 3
connections_per_host = 2
bandwidth_limit = "20 MiB/s"
ssh_config = "~/.ssh/config"
ad_hoc_root = "cwd"
[hosts.cse]
hostname = "cse.example.edu"
port = 2222
user = "z5555555"
identity_file = "~/.ssh/id_ed25519"
password = { command = "pass show cse" }
host_key = "accept-new"
known_hosts = "known"
remote_root = "~/projects"
clean = { max_age = "30d" }
quota_source = { command = "myquota" }
[buckets.b2]
provider = "b2"
bucket = "my-workspace"
region = "us-west-004"
credentials = { env = ["B2_KEY_ID", "B2_APP_KEY"] }
[defaults]
exclude = ["**/.git/**"]
[jobs.thesis]
root = "~/src/thesis"
remote = "cse:"
direction = "push"
exclude = ["*.log"]
include = []
ignore_files = [".gitignore", ".synclineignore"]
interval = "60s"
at = ["03:00", "Mon 12:30"]
watch = true
delete = "synced"
pull = "update"
transfer = "tar"
max_delete = 12
permissions = "preserve"
umask = "027"
delete_excluded = true
include_git = true
mountpoint = "/mnt/backup"
sync_before_run = false
symlinks = "skip"
fsync = true
on_start = false
jitter = "5s"
timeout = "1h"
max_staleness = "2d"
on_success = "true"
on_failure = "notify"
on_halt = "notify --halt"
hooks = "every-run"
remind = "6h"
[jobs.thesis.clean]
auto = false
max_age = "31d"
quota_thresholds = { 80 = "7d", 95 = "1d" }
min_age = "2d"
)");
    REQUIRE(joined(outcome.errors) == "");
    REQUIRE(outcome.file);
    const JobFile& file = *outcome.file;
    CHECK(file.status_listen == "127.0.0.1:7411");
    CHECK(file.engine.max_parallel_jobs == 3);
    CHECK(file.engine.connections_per_host == 2);
    CHECK(file.engine.bandwidth_limit == 20u << 20);
    CHECK(file.engine.ssh_config == "/home/user/.ssh/config");
    CHECK_FALSE(file.engine.ad_hoc_root_is_git);

    const Host& host = file.hosts.at("cse");
    CHECK(host.hostname == "cse.example.edu");
    CHECK(host.port == 2222);
    CHECK(host.user == "z5555555");
    CHECK(host.identity_file == "/home/user/.ssh/id_ed25519");
    CHECK(host.password.type == SecretSource::Type::command);
    CHECK(host.password.value == "pass show cse");
    CHECK(host.accept_new_host_key);
    CHECK(host.known_hosts == "/project/known");
    CHECK(host.remote_root == "~/projects");
    CHECK(host.clean.value().max_age == 24h * 30);
    CHECK(host.quota_source == "command");
    CHECK(host.quota_command == "myquota");

    const Bucket& bucket = file.buckets.at("b2");
    CHECK(bucket.provider == "b2");
    CHECK(bucket.key_variable == "B2_KEY_ID");
    CHECK(bucket.secret_variable == "B2_APP_KEY");

    REQUIRE(file.jobs.size() == 1);
    const Job& job = file.jobs[0];
    CHECK(job.name == "thesis");
    CHECK(job.root == "/home/user/src/thesis");
    CHECK(job.remote.type == Destination::Type::ssh);
    CHECK(job.remote.name == "cse");
    CHECK(job.remote.path == "");
    REQUIRE(job.filter.exclude.size() == 2);
    CHECK(job.filter.exclude[0].glob.pattern() == "**/.git/**");
    CHECK(job.filter.exclude[0].origin == "jobs.toml:28");
    CHECK(job.filter.exclude[1].origin == "jobs.toml:33");
    CHECK(job.filter.include.empty());
    CHECK(job.filter.include_git);
    CHECK(job.interval == 60s);
    CHECK(job.at == std::vector<AtTime>{{std::nullopt, 3, 0}, {1, 12, 30}});
    CHECK(job.watch);
    CHECK(job.policy.direction == Direction::push);
    CHECK(job.policy.delete_policy == DeletePolicy::synced);
    CHECK(job.policy.pull == PullPolicy::update);
    CHECK(job.transfer == Transfer::tar);
    CHECK(job.policy.max_delete == MaxDelete{12, false});
    CHECK(job.policy.permissions == PermissionPolicy::preserve);
    CHECK(job.policy.umask == 027);
    CHECK(job.policy.delete_excluded);
    CHECK(job.mountpoint == "/mnt/backup");
    CHECK_FALSE(job.sync_before_run);
    CHECK(job.policy.symlinks == SymlinkPolicy::skip);
    CHECK(job.fsync);
    CHECK_FALSE(job.on_start);
    CHECK(job.jitter == 5s);
    CHECK(job.timeout == 1h);
    CHECK(job.max_staleness == 48h);
    CHECK(job.on_success == "true");
    CHECK(job.on_failure == "notify");
    CHECK(job.on_halt == "notify --halt");
    CHECK(job.hooks_every_run);
    CHECK(job.remind == 6h);
    REQUIRE(job.clean);
    CHECK_FALSE(job.clean->automatic);
    CHECK(job.clean->quota_thresholds == std::map<int, Duration>{{80, 24h * 7}, {95, 24h}});
    CHECK(job.clean->min_age == 48h);
    CHECK(file.sha256.size() == 64);
}

TEST_CASE("what is not written follows from the destination") {
    ParseOutcome outcome = parse_body(R"(
[buckets.b]
provider = "s3"
bucket = "b"
[jobs.local]
root = "/r/1"
remote = "/t/1"
[jobs.local_pull]
root = "/r/2"
remote = "/t/2"
direction = "pull"
[jobs.ssh]
root = "/r/3"
remote = "host:"
[jobs.ssh_pull]
root = "/r/4"
remote = "host:x"
direction = "pull"
[jobs.bucket]
root = "/r/5"
remote = "b:p"
)");
    REQUIRE(joined(outcome.errors) == "");
    const std::vector<Job>& jobs = outcome.file->jobs;
    auto check = [](const Job& job, DeletePolicy deletes, PullPolicy pull, bool fsync) {
        INFO(job.name);
        CHECK(job.policy.delete_policy == deletes);
        bool is_to_bucket = job.remote.type == Destination::Type::bucket;
        CHECK((job.policy.overwrite == OverwritePolicy::unchanged) == is_to_bucket);
        CHECK(job.policy.pull == pull);
        CHECK(job.fsync == fsync);
        CHECK(job.on_start);
        CHECK(job.ignore_files == std::vector<std::string>{".gitignore", ".synclineignore"});
        CHECK(job.policy.max_delete == MaxDelete{50, true});
        CHECK(job.policy.umask == 077);
    };
    check(jobs[0], DeletePolicy::mirror, PullPolicy::missing, true);
    check(jobs[1], DeletePolicy::mirror, PullPolicy::missing, true);
    check(jobs[2], DeletePolicy::synced, PullPolicy::generated, false);
    check(jobs[3], DeletePolicy::synced, PullPolicy::generated, true);
    check(jobs[4], DeletePolicy::never, PullPolicy::missing, true);
}

TEST_CASE("every error of a file is reported in one go, by position") {
    ParseOutcome outcome = parse(R"(version = 1
[jobs.thesis]
root = "/a"
remote = "/b"
exlude = ["*.log"]
interval = 60
delete = "miror"
timeout = "0s"
exclude = ["[ab"]
[engin]
[jobs."b d"]
[jobs.empty]
)");
    CHECK_FALSE(outcome.file);
    std::vector<std::string> errors = texts(outcome.errors);
    REQUIRE(errors.size() == 11);
    CHECK(errors[0] == "jobs.toml:5:1: unknown key 'exlude' in [jobs.thesis]; did you mean 'exclude'?");
    CHECK(errors[1] ==
          "jobs.toml:6:12: 'interval' in [jobs.thesis] must be a duration in a string, such as \"30s\", \"45m\", "
          "\"12h\", \"30d\" or \"2w\", not an integer");
    CHECK(errors[2] ==
          "jobs.toml:7:10: 'delete' in [jobs.thesis] must be \"mirror\" or \"synced\" or \"never\", not \"miror\"; did "
          "you mean \"mirror\"?");
    CHECK(errors[3].starts_with("jobs.toml:8:11: 'timeout' in [jobs.thesis] must be a duration"));
    CHECK(errors[4].starts_with("jobs.toml:9:12: 'exclude' in [jobs.thesis] has the pattern \"[ab\": "));
    CHECK(errors[5] == "jobs.toml:10:2: unknown key 'engin'; did you mean 'engine'?");
    CHECK(errors[6].starts_with("jobs.toml:11:1: [jobs.b d] has no 'remote'"));
    CHECK(errors[7].starts_with("jobs.toml:11:1: [jobs.b d] has no 'root'"));
    CHECK(errors[8].starts_with("jobs.toml:11:7: \"b d\" cannot name a job"));
    CHECK(errors[9].starts_with("jobs.toml:12:1: [jobs.empty] has no 'remote'"));
    CHECK(errors[10].starts_with("jobs.toml:12:1: [jobs.empty] has no 'root'"));
}

TEST_CASE("a key that is wrong says so at its place") {
    auto error_of = [](const std::string& line) {
        ParseOutcome outcome = parse_job(line + "\n");
        INFO(line << "\n" << joined(outcome.errors));
        CHECK_FALSE(outcome.file);
        REQUIRE(outcome.errors.size() == 1);
        CHECK(outcome.errors[0].line == 5);
        return outcome.errors[0].message;
    };
    for (std::string line : {"interval = \"60\\u0000s\"",
                             "interval = \"-5s\"",
                             "interval = \"1.5h\"",
                             "interval = \"99999999999w\"",
                             "interval = \"\"",
                             "at = [\"24:00\"]",
                             "at = [\"3:00\"]",
                             "at = [\"Mo 03:00\"]",
                             "at = [\"Mon03:00\"]",
                             "at = [\"03:60\"]",
                             "at = \"03:00\"",
                             "at = [3]",
                             "watch = \"yes\"",
                             "max_delete = -1",
                             "max_delete = \"-1%\"",
                             "max_delete = \"101%\"",
                             "max_delete = \"50\"",
                             "max_delete = \"0.5%\"",
                             "max_delete = 0.5",
                             "umask = 77",
                             "umask = \"99\"",
                             "umask = \"1000\"",
                             "umask = \"700\"",
                             "umask = \"0o77\"",
                             "symlinks = \"Copy\"",
                             "exclude = \"*.log\"",
                             "exclude = [\"\"]",
                             "exclude = [1]",
                             "include = [\"{a\"]",
                             "ignore_files = [\"a/b\"]",
                             "mountpoint = \"~bob/x\"",
                             "mountpoint = \"${NOPE}/x\"",
                             "mountpoint = \"${NOPE\"",
                             "mountpoint = \"${A B}\"",
                             "on_success = \"-rf\"",
                             "on_halt = []",
                             "clean = true",
                             "clean = { max_age = 30 }",
                             "clean = { quota_thresholds = { 101 = \"1d\" } }",
                             "clean = { quota_thresholds = { x = \"1d\" } }",
                             "clean = { quota_thresholds = { -1 = \"1d\" } }",
                             "clean = { quota_thresholds = { 80 = 7 } }",
                             "clean = { age = \"1d\" }",
                             "transfer = \"zip\"",
                             "fsync = 1",
                             "jitter = \"0s\"",
                             "direction = \"both\"",
                             "timeout = 1979-05-27",
                             "timeout = 1.5"}) {
        CHECK(error_of(line) != "");
    }
    CHECK(error_of("mountpoint = \"${NOPE}/x\"").find("uses ${NOPE}, which is not set in the environment") !=
          std::string::npos);
    CHECK(error_of("clean = { age = \"1d\" }") == "unknown key 'age' in [jobs.x.clean]");
}

TEST_CASE("max_delete may be nothing at all") {
    for (std::string line : {"max_delete = 0\n", "max_delete = \"0%\"\n", "max_delete = \"00%\"\n"}) {
        ParseOutcome outcome = parse_job(line);
        REQUIRE(joined(outcome.errors) == "");
        CHECK(outcome.file->jobs[0].policy.max_delete == MaxDelete{0, false});
    }
}

TEST_CASE("what is for push is refused in a pull job, and passed over where the defaults say it") {
    ParseOutcome own = parse_job("direction = \"pull\"\ndelete = \"mirror\"\nwatch = true\n");
    REQUIRE(own.errors.size() == 2);
    CHECK(own.errors[0].text() ==
          "jobs.toml:6:1: 'delete' in [jobs.x] is for push jobs; what a pull removes is said by 'pull'");
    CHECK(own.errors[1].line == 7);

    ParseOutcome defaults = parse_body(
        "[defaults]\ndelete = \"never\"\nwatch = true\n[jobs.x]\nroot = \"/r\"\nremote = \"/t\"\ndirection = "
        "\"pull\"\n");
    REQUIRE(joined(defaults.errors) == "");
    CHECK_FALSE(defaults.file->jobs[0].watch);
}

TEST_CASE("lists of the defaults add up, other values give way") {
    ParseOutcome outcome = parse_body(R"(
[jobs.own]
root = "/r/1"
remote = "/t/1"
exclude = ["b"]
interval = "5m"
ignore_files = [".b"]
at = ["04:00"]
clean = { auto = false }
[jobs.none]
root = "/r/2"
remote = "/t/2"
ignore_files = []
[defaults]
exclude = ["a"]
interval = "1m"
ignore_files = [".a"]
at = ["03:00"]
clean = { max_age = "3d" }
delete = "never"
)");
    REQUIRE(joined(outcome.errors) == "");
    const Job &own = outcome.file->jobs[0], &none = outcome.file->jobs[1];
    REQUIRE(own.filter.exclude.size() == 2);
    CHECK(own.filter.exclude[0].glob.pattern() == "a");
    CHECK(own.filter.exclude[1].glob.pattern() == "b");
    CHECK(own.interval == 5min);
    CHECK(own.ignore_files == std::vector<std::string>{".a", ".b"});
    CHECK(own.at.size() == 2);
    CHECK(own.clean->max_age == 72h);
    CHECK_FALSE(own.clean->automatic);
    CHECK(own.policy.delete_policy == DeletePolicy::never);
    CHECK(none.interval == 1min);
    CHECK(none.ignore_files.empty());
    CHECK(none.clean->automatic);
}

TEST_CASE("an error in the defaults is reported once, jobs or not") {
    ParseOutcome outcome = parse_body(
        "[defaults]\ninterval = \"never\"\n[jobs.x]\nroot = \"/r/1\"\nremote = \"/t/1\"\n[jobs.y]\nroot = "
        "\"/r/2\"\nremote = \"/t/2\"\n");
    CHECK(outcome.errors.size() == 1);
    CHECK(parse_body("[defaults]\ninterval = \"never\"\n").errors.size() == 1);
}

TEST_CASE("the version must be there and known") {
    CHECK(joined(parse("").errors) == "jobs.toml:1:1: there is no version: write 'version = 1' in the first line");
    CHECK(parse("version = 2").errors.at(0).message.find("only knows version = 1") != std::string::npos);
    CHECK(parse("version = \"1\"").errors.at(0).text() == "jobs.toml:1:11: 'version' must be an integer, not a string");
    ParseOutcome bare = parse("version = 1");
    CHECK(bare.file);
    CHECK(joined(bare.warnings) == "jobs.toml:1:1: there are no jobs: add a table [jobs.NAME]");
}

TEST_CASE("a syntax error has its place, duplicates included") {
    ParseOutcome syntax = parse("version = 1\nx = = 2\n");
    REQUIRE(syntax.errors.size() == 1);
    CHECK(syntax.errors[0].line == 2);
    CHECK(syntax.errors[0].message.starts_with("not valid TOML: "));
    CHECK(parse_job("[jobs.x]\n").errors.at(0).line == 5);
    CHECK(parse_job("root = \"/b\"\n").errors.at(0).line == 5);
    CHECK(parse_body("jobs = 3\n").errors.at(0).text() == "jobs.toml:2:8: 'jobs' must be a table, not an integer");
    CHECK(parse_body("[jobs]\nx = 3\n").errors.at(0).text() ==
          "jobs.toml:3:1: 'jobs' must hold tables: write [jobs.x]");
    CHECK(parse_body("[[jobs]]\n").errors.size() == 1);
}

TEST_CASE("what `init` writes is valid, and so is the example") {
    ParseOutcome outcome = parse(init_text());
    CHECK(joined(outcome.errors) == "");
    CHECK(joined(outcome.warnings) == "");
    REQUIRE(outcome.file);
    CHECK(outcome.file->jobs.size() == 1);

    ParseOutcome example = load_job_file(SYNCLINE_SOURCE_ROOT "/jobs.example.toml", make_environment());
    CHECK(joined(example.errors) == "");
    CHECK(joined(example.warnings) == "");
    REQUIRE(example.file);
    CHECK(example.file->jobs.size() == 2);
}
