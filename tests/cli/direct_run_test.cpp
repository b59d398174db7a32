#include "cli/direct_run.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "config/parse.hpp"
#include "reports.hpp"

using namespace syncline;
using namespace syncline::cli;
namespace files = std::filesystem;

namespace {

/// A directory with two nested roots, a Git repository and a job file; removed at the end.
class World {
  public:
    World() {
        std::string name = (files::temp_directory_path() / "syncline-direct-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        base = files::canonical(name);
        for (const char* directory : {"outer/inner/deep", "repository/.git", "repository/sub", "elsewhere"}) {
            files::create_directories(base / directory);
        }
        std::ofstream(base / "outer/file") << "x";
        files::create_directory_symlink(base / "elsewhere", base / "outer/out");
        parse(R"(
version = 1
[jobs.outer]
root = "outer"
remote = "to/outer"
exclude = ["inner/**"]
[jobs.inner]
root = "outer/inner"
remote = "to-inner"
[jobs.back]
root = "back"
remote = "elsewhere"
direction = "pull"
pull = "update"
[jobs.server]
root = "elsewhere/x"
remote = "host:dir"
)");
        environment = ParseEnvironment::of_process();
        stand_in("outer");
    }
    ~World() { files::remove_all(base); }

    void stand_in(const std::string& directory) { environment.current_directory = base / directory; }
    void parse(const std::string& text) {
        ParseOutcome outcome = parse_job_file(text, base / "jobs.toml", ParseEnvironment::of_process());
        for (const Diagnostic& error : outcome.errors) UNSCOPED_INFO(error.text());
        REQUIRE(outcome.file);
        file = std::move(outcome.file);
    }
    DirectRun resolve(CommandLine line, std::optional<Direction> direction = Direction::push) const {
        return resolve_direct_run(line, file, direction, environment);
    }
    std::string refusal(CommandLine line, std::optional<Direction> direction = Direction::push) const {
        try {
            resolve(std::move(line), direction);
        } catch (const Error& error) {
            CHECK(error.code() == Errc::usage);
            return error.what();
        }
        return "";
    }

    files::path base;
    std::optional<JobFile> file;
    ParseEnvironment environment;
};

CommandLine words(std::vector<std::string> arguments) {
    CommandLine line;
    line.arguments = std::move(arguments);
    return line;
}

}  // namespace

TEST_CASE("the job is the first argument, or the one with the longest root around the current directory") {
    World world;
    CHECK(world.resolve(words({"inner"})).job.name == "inner");
    CHECK(world.resolve(words({})).job.name == "outer");
    world.stand_in("outer/inner/deep");
    CHECK(world.resolve(words({})).job.name == "inner");
    world.stand_in("elsewhere");
    CHECK(contains(world.refusal(words({})), "no job's root holds"));
    CHECK(contains(world.refusal(words({"iner"})), "did you mean 'inner'?"));
    CHECK(contains(world.refusal(words({"nope"})), "there is no job and no path 'nope'"));
}

TEST_CASE("other arguments are paths, relative to the current directory, inside of the root") {
    World world;
    CHECK(world.resolve(words({"file", "./inner/deep"})).options.paths ==
          std::vector<std::string>{"file", "inner/deep"});
    CHECK(world.resolve(words({"outer", "gone"})).options.paths == std::vector<std::string>{"gone"});
    CHECK(world.resolve(words({"file", "."})).options.paths.empty());
    CHECK(world.resolve(words({"out"})).options.paths == std::vector<std::string>{"out"});
    CHECK(contains(world.refusal(words({"outer", "../elsewhere"})), "does not lie in the root"));
    CHECK(contains(world.refusal(words({"outer", "out/x"})), "does not lie in the root"));
    CHECK(contains(world.refusal(words({"outer", "/"})), "does not lie in the root"));
}

TEST_CASE("the command's direction wins, with that direction's defaults") {
    World world;
    Job pulled = world.resolve(words({"outer"}), Direction::pull).job;
    CHECK(pulled.policy.direction == Direction::pull);
    CHECK(pulled.policy.pull == PullPolicy::missing);
    CHECK(world.resolve(words({"back"}), Direction::pull).job.policy.pull == PullPolicy::update);
    Job pushed = world.resolve(words({"back"})).job;
    CHECK(pushed.policy.direction == Direction::push);
    CHECK(pushed.policy.delete_policy == DeletePolicy::mirror);
}

TEST_CASE("switches change the copy of the job for this run") {
    World world;
    CommandLine line = words({"outer"});
    line.force = line.adopt = line.checksum = line.tar = true;
    line.remote_dir = "../new-place";
    DirectRun run = world.resolve(line);
    CHECK((run.job.policy.force && run.job.policy.adopt && run.options.checksum));
    CHECK(run.job.transfer == Transfer::tar);
    CHECK(run.job.remote.path == (world.base / "new-place").string());
    line = words({"outer"});
    line.overwrite = true;
    CHECK(world.resolve(line, Direction::pull).job.policy.pull == PullPolicy::mirror);
    line = words({"outer"});
    line.root = "../repository";
    CHECK(world.resolve(line).job.root == (world.base / "repository").string());
}

TEST_CASE("filters of the command line are relative to the current directory and narrow the run") {
    World world;
    world.stand_in("outer/inner");
    CommandLine line = words({"outer"});
    line.exclude = {"deep/*.o"};
    line.include = {"*.c"};
    DirectRun run = world.resolve(line);
    CHECK(run.options.narrowed);
    REQUIRE(run.job.filter.exclude.size() == 2);
    CHECK(run.job.filter.exclude.back().base == "inner");
    CHECK(run.job.filter.exclude.back().origin == "--exclude");
    CHECK(run.job.filter.include.size() == 1);
    world.stand_in("elsewhere");
    CHECK(contains(world.refusal(line), "--exclude 'deep/*.o' is relative to the current directory"));
    line.exclude = {"**/*.o"};
    CHECK(world.resolve(line).job.filter.exclude.back().prefix.empty());
    line.exclude = {"*.o"};
    CHECK(world.resolve(line).job.filter.exclude.back().base.empty());
    line.exclude = {"[a"};
    CHECK(contains(world.refusal(line), "--exclude '[a'"));
}

TEST_CASE("globs reach the root from above it, from its neighbour and by absolute path") {
    World world;
    auto is_excluded = [&](const std::string& glob, const std::string& path) {
        CommandLine line = words({"outer"});
        line.exclude = {glob};
        FilterSpec spec;
        spec.exclude = {world.resolve(line).job.filter.exclude.back()};
        return Filter(spec).judge(nullptr, path, true) == Verdict::Choice::unselected;
    };
    for (const char* directory : {"", "outer/inner", "elsewhere"}) {
        world.stand_in(directory);
        CHECK(is_excluded(world.base / "outer/x", "x"));
        CHECK_FALSE(is_excluded(world.base / "outer/x", "inner/x"));
        CHECK(is_excluded("**/x", directory == std::string("outer/inner") ? "inner/x" : "x"));
    }
    world.stand_in("");
    for (const char* glob : {"outer/x/**", "*/x", "./outer/x", "**/x", "x", "{outer,lib}/{x,y}"}) {
        INFO(glob);
        CHECK(is_excluded(glob, "x"));
        CHECK_FALSE(is_excluded(glob, "z"));
    }
    CHECK_FALSE(is_excluded("outer/x", "inner/x"));
    world.stand_in("elsewhere");
    CHECK(is_excluded("../outer/x", "x"));
    CHECK_FALSE(is_excluded("../outer/x", "inner/x"));
    world.stand_in("outer/inner");
    CHECK(is_excluded("../x", "x"));
    CHECK_FALSE(is_excluded("../x", "inner/x"));
}

TEST_CASE("without a job there is an ad hoc one, from --root or the Git root, to --remote") {
    World world;
    world.stand_in("repository/sub");
    CommandLine line;
    line.remote = "../../copy";
    DirectRun run = world.resolve(line);
    CHECK(run.job.name == "ad hoc");
    CHECK(run.job.root == (world.base / "repository").string());
    CHECK(run.job.remote.path == (world.base / "copy").string());
    line.sync_cwd = true;
    CHECK(world.resolve(line).job.root == (world.base / "repository/sub").string());
    line.sync_cwd = false;
    line.root = "../../elsewhere";
    CHECK(world.resolve(line).job.root == (world.base / "elsewhere").string());
    line.remote = "inside";
    line.root = ".";
    CHECK(contains(world.refusal(line), "copy itself"));
    world.file.reset();
    line.remote = "../../copy";
    CHECK(world.resolve(line).job.name == "ad hoc");
    CHECK(contains(world.refusal(words({})), "give --remote"));
}

TEST_CASE("another bucket comes from a table or a provider's name") {
    World world;
    CommandLine line = words({"outer"});
    line.bucket = "b2";
    CHECK(contains(world.refusal(line), "no [buckets] table"));
    line.bucket = "b3:x";
    CHECK(contains(world.refusal(line), "PROVIDER:BUCKET"));
    line.bucket = "b2:x";
    line.remove = true;
    Job job = world.resolve(line).job;
    CHECK(job.remote.type == Destination::Type::bucket);
    CHECK(job.remote.name == "b2:x");
    CHECK(job.remote.path == "outer");
    CHECK(job.policy.delete_policy == DeletePolicy::synced);
    line.remote_dir = "a/b";
    CHECK(world.resolve(line).job.remote.path == "a/b");
    line.remote_dir = "../b";
    CHECK(contains(world.refusal(line), ".."));
}

TEST_CASE("two jobs with one root must be told apart, unless the direction does") {
    World world;
    world.parse(
        "version = 1\n[jobs.a]\nroot = \"outer\"\nremote = \"to-a\"\n[jobs.b]\nroot = \"outer\"\nremote = \"to-b\"\n");
    CHECK(contains(world.refusal(words({})), "'a' and 'b'"));
}

TEST_CASE("sync goes the job's own way") {
    World world;
    CHECK(world.resolve(words({"back"}), std::nullopt).job.policy.direction == Direction::pull);
    CHECK(world.resolve(words({"outer"}), std::nullopt).job.policy.direction == Direction::push);
    CommandLine line = words({"back"});
    line.remove = true;
    CHECK(contains(world.refusal(line, std::nullopt), "--delete is for a push, and job 'back' declares a pull"));
    line = words({"outer"});
    line.missing = true;
    CHECK(contains(world.refusal(line, std::nullopt), "--missing is for a pull"));
}

TEST_CASE("switches set the policy of one run, one of a kind") {
    World world;
    CommandLine line = words({"outer"});
    line.never_delete = line.preserve = true;
    DirectRun run = world.resolve(line);
    CHECK(run.job.policy.delete_policy == DeletePolicy::never);
    CHECK(run.job.policy.permissions == PermissionPolicy::preserve);
    CHECK(run.options.is_changed_job);
    line.remove = true;
    CHECK(contains(world.refusal(line), "exclude each other"));
    line = words({"back"});
    line.missing = true;
    CHECK(world.resolve(line, Direction::pull).job.policy.pull == PullPolicy::missing);
    line.update = true;
    CHECK(contains(world.refusal(line, Direction::pull), "exclude each other"));
}

TEST_CASE("two places are an ad hoc job, two paths of a job are not") {
    World world;
    CommandLine line = words({"outer", "host:dir"});
    line.command = Command::push;
    // A job of that name is no directory here.
    CHECK(contains(world.refusal(line), "'outer' is a job, and no directory here"));
    world.stand_in("");
    Job job = world.resolve(line).job;
    CHECK(job.line == 0);
    CHECK(job.root == (world.base / "outer").string());
    CHECK(job.remote.type == Destination::Type::ssh);
    CHECK(job.policy.delete_policy == DeletePolicy::never);
    line.remove = true;
    CHECK(world.resolve(line).job.policy.delete_policy == DeletePolicy::mirror);
    line.remove = false;

    line.arguments = {"elsewhere", "new place"};
    job = world.resolve(line).job;
    CHECK(job.root == (world.base / "elsewhere").string());
    CHECK(job.remote.path == (world.base / "new place").string());
    line.arguments = {"outer/inner", "repository/copy"};
    CHECK(world.resolve(line).job.root == (world.base / "outer/inner").string());
    // Both in the root of one job.
    world.stand_in("outer");
    line.arguments = {"file", "inner"};
    CHECK(world.resolve(line).job.name == "outer");
    CHECK(world.resolve(line).options.paths.size() == 2);
    line.arguments = {"outer", "file"};
    CHECK(world.resolve(line).job.name == "outer");
}

TEST_CASE("a single file goes with nothing else of its directory") {
    World world;
    CommandLine line = words({"file", "host:dir"});
    line.command = Command::push;
    DirectRun run = world.resolve(line);
    CHECK(run.job.root == (world.base / "outer").string());
    CHECK(run.options.paths == std::vector<std::string>{"file"});
}

TEST_CASE("a pull brings from the first place into the second") {
    World world;
    CommandLine line = words({"host:dir", "inner"});
    line.command = Command::pull;
    Job job = world.resolve(line, Direction::pull).job;
    CHECK(job.root == (world.base / "outer/inner").string());
    CHECK(job.remote_text == "host:dir");
    CHECK(job.policy.direction == Direction::pull);
    CHECK(job.policy.pull == PullPolicy::update);
    line.arguments = {"../elsewhere", "inner"};
    job = world.resolve(line, Direction::pull).job;
    CHECK(job.root == (world.base / "outer/inner").string());
    CHECK(job.remote.path == (world.base / "elsewhere").string());
    line.arguments = {"inner", "host:dir"};
    CHECK(contains(world.refusal(line, Direction::pull), "syncline push inner host:dir"));
    line.arguments = {"a:b", "c:d"};
    CHECK(contains(world.refusal(line, Direction::pull), "one of the two must be here"));
    world.stand_in("repository");
    line.arguments = {"host:dir"};
    CHECK(contains(world.refusal(line, Direction::pull), "two places are given as: syncline pull host:dir ."));
    line.arguments = {"./sub"};
    CHECK(contains(world.refusal(line, Direction::pull), "two places are given as: syncline pull HOST:DIR ./sub"));
    line.arguments = {"innr", "host:dir"};
    line.command = Command::push;
    CHECK(contains(world.refusal(line), "no job and no path 'innr'; did you mean 'inner'?"));
}

TEST_CASE("a home directory is no root unless it is named as one") {
    World world;
    world.environment.home = world.base / "outer/inner";
    for (const char* directory : {"outer/inner", "outer", "/"}) {
        world.environment.current_directory = *directory == '/' ? "/" : world.base / directory;
        CommandLine line;
        line.remote = "host:dir";
        CHECK(contains(world.refusal(line), "name it with --root"));
        line.root = ".";
        CHECK(world.resolve(line).job.line == 0);
        CommandLine places = words({".", "host:dir"});
        places.command = Command::push;
        CHECK(contains(world.refusal(places), "name it with --root"));
    }
    world.stand_in("outer/inner/deep");
    CommandLine line;
    line.remote = "host:dir";
    CHECK(world.resolve(line).job.root == (world.base / "outer/inner/deep").string());
}
