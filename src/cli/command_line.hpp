// The command line as values, and the table of commands and options from which parser, help and completions are made:
// what is not in the table does not exist, so the four cannot drift apart.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/units.hpp"

namespace syncline::cli {

enum class Command : uint8_t {
    apply,
    plan,
    check,
    push,
    pull,
    sync,
    explain,
    init,
    trust,
    doctor,
    completion,
    run,
    watch,
    automatic,
    status,
    trigger,
    pause,
    resume,
    stop,
    wait,
    clean,
    buckets,
    help,
};

/// Every option of every command; what a command does not know stays at its default.
struct CommandLine {
    Command command = Command::apply;
    std::vector<std::string> arguments;  ///< FILE, JOB, PATH, a shell's name; only behind `--` with a leading dash
    std::string file;                    ///< -f
    std::vector<std::string> jobs;       ///< --job
    std::vector<std::string> exclude, include;
    std::vector<std::string> remote_command;  ///< run: what stands behind `--`
    std::vector<std::string> hosts;           ///< clean --host
    std::vector<std::string> variables;       ///< run: --env
    std::string root, remote, remote_dir, bucket, log_file;
    bool verbose = false, quiet = false, json = false;
    bool once = false, detach = false, dry_run = false, adopt = false, force = false, restart = false, tar = false;
    bool remove = false;  ///< --delete
    bool never_delete = false, preserve = false, missing = false, update = false;
    bool overwrite = false, checksum = false, sync_cwd = false;
    std::string bandwidth_limit;                     ///< --bwlimit
    bool accept_new_host_key = false;                ///< of hosts whose table does not say `host_key`
    std::string interval;                            ///< auto
    bool follow = false, show = false, end = false;  ///< status --follow; watch and auto: --status, --stop
    std::string ready_fd;                            ///< apply, of an engine that a command started: cli/detach.hpp
    bool wait_for_orders = false;                    ///< the same: it holds no job before it is told to
    bool list_jobs = false, list_remotes = false;    ///< completion --jobs, --remotes
    bool all = false, purge = false, clean_auto = false, yes = false, background = false;  ///< clean
    bool sync = false, skip_sync = false, pull = false, pull_always = false;               ///< run
};

/// What a shell offers for a value.
enum class Completes : uint8_t { nothing, job_file, file, directory, job, job_or_file, shell, command, remote };

/// Where a value goes; the type says whether it is a flag, given once, or given many times.
using Field = std::variant<bool CommandLine::*, std::string CommandLine::*, std::vector<std::string> CommandLine::*>;

struct OptionSpec {
    std::string_view names;  ///< "-x,--exclude"
    std::string_view value;  ///< "GLOB"; "" for a flag
    std::string_view help;
    Field field;
    Completes completes = Completes::nothing;
    bool hidden = false;
};

/// The arguments of a command that are no options.
struct ArgumentSpec {
    std::string_view name;  ///< "PATH"; "" when it takes none
    std::string_view help;
    size_t least = 0, most = 0;
    Completes completes = Completes::nothing;
};

struct CommandSpec {
    Command command;
    std::string_view name;
    std::string_view summary;
    ArgumentSpec argument;
    std::vector<std::string_view> options;  ///< long names without dashes, beside the common ones
    bool is_built = true;
};

std::span<const CommandSpec> command_table();
std::span<const OptionSpec> option_table();
/// Those that every command takes.
std::span<const std::string_view> common_options();

const CommandSpec& command_spec(Command command);
/// By long name without dashes; an unknown one is an assertion.
const OptionSpec& option_spec(std::string_view long_name);
/// "-x", "--exclude" of "-x,--exclude".
std::vector<std::string> option_names(const OptionSpec& option);

/// What --interval says. Throws Error (usage).
Duration require_interval(const std::string& text);

/// What --bwlimit says, in bytes a second: "20 MiB/s", "500KiB". Throws Error (usage).
uint64_t require_rate(const std::string& text);

}  // namespace syncline::cli
