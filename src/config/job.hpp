// The job file as values. Every field is the key of the same name (syncline-jobs(5)); parse.hpp makes these from TOML.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "core/destination.hpp"
#include "core/filter.hpp"
#include "core/policy.hpp"
#include "core/retention.hpp"

namespace syncline {

/// Where something stands in the job file, both counted from 1 (columns in code points); line 0: nowhere in it.
struct Position {
    int line = 0;
    int column = 0;

    auto operator<=>(const Position&) const = default;
};

/// Where each key of a table was written; a key that is not in here has its default.
using WrittenKeys = std::map<std::string, Position, std::less<>>;

/// Environment variables that a table's values expanded, HOME's `~` aside, each where it stood first.
using UsedVariables = std::map<std::string, Position, std::less<>>;

/// A secret that is asked for, read from the environment, or printed by a command.
struct SecretSource {
    enum class Type : uint8_t { none, terminal, environment, command, literal };
    Type type = Type::none;
    std::string value;  ///< variable name, command line or the literal
};

/// A wall-clock time of day, local time; `weekday` 0 is Sunday, nullopt every day.
struct AtTime {
    std::optional<int> weekday;
    int hour = 0;
    int minute = 0;

    bool operator==(const AtTime&) const = default;
};

struct Job {
    std::string name;
    int line = 0;         ///< of its table in the job file; 0 for an ad hoc job
    WrittenKeys written;  ///< by the job itself or by [defaults]
    UsedVariables variables;
    std::string root;  ///< absolute, as written (symlinks not resolved)
    Destination remote;
    std::string remote_text;  ///< as written, for messages
    FilterSpec filter;
    std::vector<std::string> ignore_files{".gitignore", ".synclineignore"};
    Policy policy;
    bool pull_given = false;  ///< `pull` was written; otherwise its default depends on the destination
    Transfer transfer = Transfer::automatic;
    std::optional<Duration> interval;
    std::vector<AtTime> at;
    bool watch = false;
    bool on_start = true;
    Duration jitter{0};
    std::optional<Duration> timeout;  ///< none: a run may take as long as it makes progress
    std::string mountpoint;           ///< absolute; "" when not given
    bool sync_before_run = true;
    std::vector<std::string> fed_by;  ///< names of the file's jobs that write where this one reads
    bool fsync = true;
    std::optional<CleanPolicy> clean;
    std::optional<Duration> max_staleness;        ///< older than this, the last success is a fault of its own
    std::string on_success, on_failure, on_halt;  ///< commands; "" when not given
    bool hooks_every_run = false;                 ///< not only when the outcome is another
    Duration remind = std::chrono::hours(24);     ///< so often on_failure and on_halt run while it is the same
};

struct Host {
    WrittenKeys written;
    UsedVariables variables;
    std::string name, hostname, user, identity_file, known_hosts, remote_root = "~/.cache/syncline/projects";
    uint16_t port = 0;  ///< 0: from ssh_config, else 22
    SecretSource password;
    bool accept_new_host_key = false;
    std::optional<CleanPolicy> clean;
    std::string quota_source = "quota";  ///< "quota", "filesystem" or "command"
    std::string quota_command;
};

struct Bucket {
    WrittenKeys written;
    UsedVariables variables;
    std::string name, provider = "generic", bucket, region, endpoint;
    std::string key_variable, secret_variable;  ///< credentials = { env = [..] }
    std::string profile;
    bool instance_metadata = false;   ///< credentials = { instance_metadata = true }
    std::string addressing = "auto";  ///< "auto", "path" or "host"
};

struct EngineSettings {
    WrittenKeys written;
    UsedVariables variables;
    unsigned max_parallel_jobs = 4;
    unsigned connections_per_host = 4;
    std::optional<uint64_t> bandwidth_limit;  ///< bytes a second
    std::string ssh_config;
    bool ad_hoc_root_is_git = true;
};

struct JobFile {
    std::string path;           ///< absolute
    std::string shown_path;     ///< as diagnostics name it
    std::string sha256;         ///< of the text, hex
    std::string status_listen;  ///< "" without a [status] table
    Position status_position;
    EngineSettings engine;
    std::map<std::string, Host> hosts;
    std::map<std::string, Bucket> buckets;
    Job defaults;             ///< what [defaults] makes of a job before its own keys; for ad hoc jobs
    std::vector<Job> jobs;    ///< in file order
    UsedVariables variables;  ///< by what is in no table of the above
};

}  // namespace syncline
