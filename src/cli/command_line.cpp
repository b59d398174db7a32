#include "cli/command_line.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline::cli {
namespace {

using Names = std::vector<std::string_view>;

constexpr ArgumentSpec no_argument{};
constexpr ArgumentSpec optional_file{"FILE", "The job file", 0, 1, Completes::job_file};
constexpr ArgumentSpec one_file{"FILE", "The job file", 1, 1, Completes::job_file};
constexpr ArgumentSpec jobs_or_file{"FILE_OR_JOB", "The job file, then jobs: only these", 0, SIZE_MAX,
                                    Completes::job_or_file};
constexpr ArgumentSpec jobs_or_places{"FILE_OR_JOB",
                                      "The job file, then jobs: only these; or two places, as push takes them", 0,
                                      SIZE_MAX, Completes::job_or_file};
constexpr ArgumentSpec one_path{"PATH", "A path below the root of a job, behind the job's name or alone", 1, 2,
                                Completes::job_or_file};
constexpr ArgumentSpec job_and_paths{"JOB_OR_PATH",
                                     "A job's name, then paths below its root, relative to the current directory; or "
                                     "two places: from the first to the second",
                                     0, SIZE_MAX, Completes::job_or_file};
constexpr ArgumentSpec job_of_command{"JOB", "A job's name; without it the job whose root holds the current directory",
                                      0, 1, Completes::job};
constexpr ArgumentSpec buckets_words{"WORD", "ls [NAME:PREFIX], check NAME, or create NAME", 1, 2};
constexpr ArgumentSpec one_job{"JOB", "A job's name; before it, the job file", 1, 2, Completes::job};
constexpr ArgumentSpec optional_job{"JOB", "Only this job; before it, the job file", 0, 2, Completes::job};
constexpr ArgumentSpec job_of_clean{"JOB", "A job's name; without it the job whose root holds the current directory", 0,
                                    1, Completes::job};
constexpr ArgumentSpec optional_command{"COMMAND", "The command to tell about", 0, 1, Completes::command};
constexpr ArgumentSpec optional_shell{"SHELL", "bash, zsh or fish", 0, 1, Completes::shell};

/// `own` are those of one direction.
Names direct_options(std::initializer_list<std::string_view> own) {
    Names names{"file",  "root",    "remote", "sync-cwd", "exclude", "include", "remote-dir", "bucket",
                "force", "restart", "tar",    "checksum", "dry-run", "adopt",   "bwlimit",    "accept-new-host-key"};
    names.insert(names.end(), own);
    return names;
}

/// Those that talk to the running engine.
std::vector<CommandSpec> commands_to_the_engine() {
    using C = Command;
    return {
        {C::watch,
         "watch",
         "Push a job's changes as they happen, in the running engine",
         one_job,
         {"file", "status", "stop"}},
        {C::automatic,
         "auto",
         "Run a job on an interval, in the running engine",
         one_job,
         {"file", "interval", "exclude", "remote-dir", "bucket", "adopt", "status", "stop"}},
        {C::status, "status", "Show what the running engine does", optional_job, {"file", "follow"}},
        {C::trigger, "trigger", "Run a job of the running engine now", one_job, {"file"}},
        {C::pause, "pause", "Hold a job of the running engine", one_job, {"file"}},
        {C::resume, "resume", "Let a held job go on", one_job, {"file"}},
        {C::wait, "wait", "Wait until a job's changes so far are dealt with", one_job, {"file"}},
        {C::stop, "stop", "End the running engine", optional_file, {"file"}},
    };
}

std::vector<CommandSpec> make_commands() {
    using C = Command;
    std::vector<CommandSpec> table{
        {C::apply,
         "apply",
         "Run every job on its schedule until told to stop",
         jobs_or_file,
         {"file", "once", "job", "dry-run", "adopt", "detach", "ready-fd", "wait-for-orders"}},
        {C::plan, "plan", "Show what apply would do, and why, changing nothing", jobs_or_places, {"file", "job"}},
        {C::check, "check", "Validate the job file", optional_file, {"file"}},
        {C::push, "push", "Run a job now, from its root to its destination", job_and_paths,
         direct_options({"delete", "never-delete", "overwrite", "preserve"})},
        {C::pull, "pull", "Run a job now, from its destination to its root", job_and_paths,
         direct_options({"missing", "update", "overwrite"})},
        {C::sync, "sync", "Run a job now, in the direction that it declares", job_and_paths,
         direct_options({"delete", "never-delete", "preserve", "missing", "update", "overwrite"})},
        {C::run,
         "run",
         "Push, run a command on the server, pull back: run [JOB] -- CMD [ARG...]",
         job_of_command,
         {"pull",     "pull-always", "sync",         "skip-sync", "env",
          "file",     "root",        "remote",       "sync-cwd",  "exclude",
          "include",  "remote-dir",  "force",        "restart",   "tar",
          "checksum", "delete",      "never-delete", "preserve",  "missing",
          "update",   "overwrite",   "adopt",        "bwlimit",   "accept-new-host-key"}},
        {C::explain,
         "explain",
         "Tell which rule selects or ignores a path, and what the last run did",
         one_path,
         {"file", "job"}},
        {C::init, "init", "Write a commented jobs.toml", no_argument, {}},
        {C::trust, "trust", "Trust a job file that was found with what it does now", one_file, {}},
        {C::clean,
         "clean",
         "Remove remote project directories; 'clean stop' ends a clean in the background",
         job_of_clean,
         {"all", "purge", "auto", "dry-run", "yes", "file", "root", "remote", "sync-cwd", "background", "host",
          "accept-new-host-key"}},
        {C::doctor, "doctor", "Try every root, destination and limit, and say what to do", optional_file, {"file"}},
        {C::buckets,
         "buckets",
         "List what is in a bucket, try whether it can be used, or make it",
         buckets_words,
         {"file"}},
        {C::help, "help", "Tell about syncline, or about a command", optional_command, {}},
        {C::completion,
         "completion",
         "Print the completion script of a shell",
         optional_shell,
         {"file", "jobs", "remotes"}},
    };
    std::vector<CommandSpec> control = commands_to_the_engine();
    table.insert(table.end(), control.begin(), control.end());
    return table;
}

std::vector<OptionSpec> make_options() {
    using L = CommandLine;
    using K = Completes;
    return {
        {"-v,--verbose", "", "List each action, and log more", &L::verbose},
        {"-q,--quiet", "", "Print errors only", &L::quiet},
        {"--json", "", "Print JSON instead of text", &L::json},
        {"--log-file", "FILE", "Write a log to FILE, rotated at 5 MiB, 3 old ones kept", &L::log_file, K::file},
        {"-f,--file", "FILE", "Read this job file", &L::file, K::job_file},
        {"--job", "NAME", "Only this job (may be given again)", &L::jobs, K::job},
        {"--once", "", "Run each job once, then exit", &L::once},
        {"--detach", "", "Go on in the background", &L::detach},
        {"-n,--dry-run", "", "Show the plan and change nothing", &L::dry_run},
        {"--adopt", "", "Declare the source of this one run authoritative: guards are waived", &L::adopt},
        {"--root", "DIR", "The local root, in place of the job's", &L::root, K::directory},
        {"--remote", "REMOTE", "The destination of an ad hoc job: HOST:DIR, BUCKET:PREFIX or a directory", &L::remote,
         K::remote},
        {"--sync-cwd", "", "The root is the current directory, not the nearest Git root", &L::sync_cwd},
        {"-x,--exclude", "GLOB", "Exclude too, relative to the current directory (may be given again)", &L::exclude},
        {"-i,--include", "GLOB", "Only what matches, relative to the current directory (may be given again)",
         &L::include},
        {"-d,--remote-dir,--dest", "DIR", "The directory on the destination, in place of the job's", &L::remote_dir,
         K::directory},
        {"-b,--bucket", "NAME", "The bucket, in place of the job's: NAME or PROVIDER:BUCKET", &L::bucket},
        {"--force", "", "Transfer even what is equal, and overwrite what would be a conflict", &L::force},
        {"--restart", "", "Cancel a running transfer of the job and start fresh", &L::restart},
        {"--tar", "", "Transfer as one archive where that is faster", &L::tar},
        {"--delete", "", "Delete on the destination what is gone from the root", &L::remove},
        {"--never-delete", "", "Delete nothing on the destination", &L::never_delete},
        {"--preserve", "", "Give what is written the modes of the root's files: permissions = \"preserve\"",
         &L::preserve},
        {"--missing", "", "Pull only what is missing here", &L::missing},
        {"--update", "", "Pull what is missing or differs; delete nothing", &L::update},
        {"--overwrite", "", "The source is the truth: overwrite what was changed since; pull: delete, too",
         &L::overwrite},
        {"--checksum", "", "Read and compare every file; trust no index", &L::checksum},
        {"--bwlimit", "RATE", "Send and receive at most so much a second: 20MiB/s, 500KiB", &L::bandwidth_limit},
        {"--accept-new-host-key", "", "Believe a server's host key that is not known yet, and remember it",
         &L::accept_new_host_key},
        {"--sync", "", "Push first, whatever the job says", &L::sync},
        {"--skip-sync", "", "Do not push first", &L::skip_sync},
        {"--pull", "", "Pull when the command succeeded", &L::pull},
        {"--pull-always", "", "Pull when the command ended, whatever its exit status", &L::pull_always},
        {"--env", "NAME[=VALUE]", "Set it for the command: as it is here, or to VALUE; 'LC_*' and '!NAME' too",
         &L::variables},
        {"-i,--interval", "DURATION", "From start to start: 30s, 45m, 12h; 60s when the job has none", &L::interval},
        {"--follow", "", "Go on showing it until interrupted", &L::follow},
        {"--status", "", "Show whether it is on, and what it did last", &L::show},
        {"--stop", "", "End it", &L::end},
        {"--ready-fd", "FD", "Where to tell that the engine is up", &L::ready_fd, K::nothing, true},
        {"--wait-for-orders", "", "Hold no job before one is asked for", &L::wait_for_orders, K::nothing, true},
        {"--all", "", "Remove every recorded directory on the job file's hosts that min_age does not keep", &L::all},
        {"--purge", "", "Remove every directory in the default layout, other clients' too", &L::purge},
        {"--auto", "", "Remove what is older than the clean tables allow", &L::clean_auto},
        {"-y,--yes", "", "Do not ask; with --all, take what min_age keeps too", &L::yes},
        {"--background", "", "Give way to every other clean", &L::background, K::nothing, true},
        {"--host", "NAME", "Only this host (may be given again)", &L::hosts, K::nothing, true},
        {"--jobs", "", "Print the names of the jobs", &L::list_jobs, K::nothing, true},
        {"--remotes", "", "Print what a remote can begin with", &L::list_remotes, K::nothing, true},
    };
}

}  // namespace

std::span<const CommandSpec> command_table() {
    static const std::vector<CommandSpec> table = make_commands();
    return table;
}

std::span<const OptionSpec> option_table() {
    static const std::vector<OptionSpec> table = make_options();
    return table;
}

std::span<const std::string_view> common_options() {
    static constexpr std::string_view names[] = {"verbose", "quiet", "json", "log-file"};
    return names;
}

const CommandSpec& command_spec(Command command) {
    auto found = std::ranges::find(command_table(), command, &CommandSpec::command);
    SYNCLINE_ASSERT(found != command_table().end());
    return *found;
}

std::vector<std::string> option_names(const OptionSpec& option) {
    std::vector<std::string> names;
    for (std::string_view rest = option.names; !rest.empty();) {
        size_t comma = std::min(rest.find(','), rest.size());
        names.emplace_back(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return names;
}

const OptionSpec& option_spec(std::string_view long_name) {
    for (const OptionSpec& option : option_table()) {
        for (const std::string& name : option_names(option)) {
            if (name.starts_with("--") && std::string_view(name).substr(2) == long_name) return option;
        }
    }
    SYNCLINE_ASSERT(!"the option is in the table");
    __builtin_unreachable();
}

Duration require_interval(const std::string& text) {
    std::optional<Duration> interval = parse_duration(text);
    if (interval) return *interval;
    throw Error(Errc::usage, "the interval '" + escape(text) + "' is no duration; write it as 30s, 45m, 12h or 1d");
}

uint64_t require_rate(const std::string& text) {
    std::string_view size = text;
    if (size.ends_with("/s")) size.remove_suffix(2);
    std::optional<uint64_t> rate = parse_byte_count(size);
    if (rate && *rate > 0) return *rate;
    throw Error(Errc::usage, "--bwlimit '" + escape(text) + "' is no rate over zero; write it as 20MiB/s or 500KiB");
}

}  // namespace syncline::cli
