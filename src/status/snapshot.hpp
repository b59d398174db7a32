// Snapshot: what the engine and its jobs are doing at one moment, as values that never change once they are made.
//
// The engine's thread makes them, any thread reads them; whoever holds one keeps it alive. Names and paths are raw
// bytes here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"

namespace syncline::status {

enum class JobState : uint8_t {
    idle,      ///< waits for its next time, or for a trigger
    waiting,   ///< due, and waits for a free place
    scanning,  ///< this and the next two: a run is under way
    planning,
    transferring,
    paused,
    halted,   ///< a guard stopped the last run; nothing was changed
    partial,  ///< the last run did not do all that it should have
    failed,   ///< the last run failed
};
constexpr size_t job_states = 9;

/// "idle" and so on, as in JSON.
std::string_view state_name(JobState state);

/// A state that somebody should look at.
bool is_trouble(JobState state);

/// A run that has ended.
struct Run {
    TimeNs started_at = 0, finished_at = 0;
    uint64_t scanned = 0, put = 0, deleted = 0, bytes_sent = 0;
    std::string outcome;  ///< "success", "partial", "halted", "failed" or "cancelled"
    std::string detail;   ///< the error, or the codes of the halt; "" after a success
    uint64_t problems = 0;

    bool operator==(const Run&) const = default;
};

struct Watch {
    bool active = false;
    uint64_t pending = 0;     ///< changed paths that no run has taken up yet
    bool overflowed = false;  ///< changes were lost: a full scan is due
    std::string trouble;  ///< why it is not active, or sees less than it should, and what to do; "" when all is well

    bool operator==(const Watch&) const = default;
};

/// Counters of the run that is under way; of the last one when none is.
struct Amounts {
    uint64_t files_done = 0, files_total = 0;
    uint64_t bytes_done = 0, bytes_total = 0;
    uint64_t entries_scanned = 0;

    bool operator==(const Amounts&) const = default;
};

/// Why the last run was halted, and the ways out.
struct Halt {
    std::vector<std::string> codes;  ///< never empty; the most telling one first
    std::string detail, resolve;

    bool operator==(const Halt&) const = default;
};

/// Sums over the runs that this engine has ended.
struct Totals {
    std::array<uint64_t, 5> runs{};  ///< in the order of outcome_names
    uint64_t put = 0, deleted = 0, bytes_sent = 0;

    bool operator==(const Totals&) const = default;
};
constexpr std::array<std::string_view, 5> outcome_names{"success", "partial", "halted", "failed", "cancelled"};

using History = std::vector<Run>;  ///< newest first

struct Job {
    std::string name, root, remote;  ///< as the job file has them
    std::string direction;           ///< "push" or "pull"
    JobState state = JobState::idle;
    /// How many runs of this job this engine has begun. What was changed before generation N began is dealt with when N
    /// has ended.
    uint64_t generation = 0;
    uint64_t ended_generation = 0;  ///< the last that has ended
    TimeNs known_since = 0;         ///< when this engine took the job up
    std::optional<TimeNs> next_run_at;
    std::optional<TimeNs> running_since;
    std::optional<Run> last_attempt, last_success;
    std::optional<Duration> max_staleness;
    Watch watch;
    Amounts progress;
    std::vector<Problem> problems;  ///< of the last run, the first ones; path "" is the job itself
    uint64_t problem_count = 0;     ///< all of them
    std::optional<Halt> halt;
    Totals totals;
    std::shared_ptr<const History> history;  ///< may be null
};

/// Whether the last success is older than max_staleness; where there is none, whether this engine has had the job for
/// longer.
bool is_stale(const Job& job, TimeNs now);

/// The last clean of one host.
struct Clean {
    std::string host, user;
    TimeNs at = 0;
    uint64_t removed = 0, kept = 0, bytes_freed = 0;
    std::string quota_before, quota_after;  ///< "85 % of /dev/sda1", "unknown"
    std::string error;                      ///< "" or why it broke off

    bool operator==(const Clean&) const = default;
};

struct Snapshot {
    uint64_t sequence = 0;  ///< grows with each that is published
    int64_t pid = 0;
    TimeNs started_at = 0;
    std::string version, job_file, job_file_sha256;
    std::string job_file_error;                    ///< "" or why the file on disk is not what runs
    std::vector<std::shared_ptr<const Job>> jobs;  ///< in the order of the job file
    std::vector<Clean> cleans;                     ///< of the job file's hosts, by name

    /// Null when there is none.
    const Job* find(std::string_view name) const;
};

/// What /status.json answers (design: GET /status.json), without a newline. ASCII only.
std::string status_json(const Snapshot& snapshot);

/// What /jobs/NAME.json answers: the same of one job, with its history and whether it is stale at `now`.
std::string job_json(const Job& job, TimeNs now);

}  // namespace syncline::status
