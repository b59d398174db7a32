// One run of one job: scan, plan, guard, apply, verify, record.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "base/error.hpp"
#include "config/job.hpp"
#include "core/guards.hpp"
#include "core/path_log.hpp"
#include "core/plan.hpp"
#include "core/withhold.hpp"
#include "endpoint/endpoint.hpp"
#include "state/store.hpp"

namespace syncline {

/// Why a run that is cancelled was stopped: written before it is.
struct StopReason {
    std::string text;         ///< "" while nobody stops it
    bool is_failure = false;  ///< the stop was not asked for: its time was over
};

/// What one run does beside what its job says. The policy's switches (force, adopt, overrides) are set on a copy of the
/// job.
struct RunOptions {
    std::vector<std::string> paths;  ///< only these and what is below them, relative to the root; empty: the whole tree
    bool plan_only = false;          ///< stop before the first change; nothing is recorded either
    bool checksum = false;           ///< trust no index: read every file that both sides have
    bool narrowed = false;           ///< filters of the command line apply: not recorded as a whole sync
    bool is_changed_job = false;     ///< the command line says another root, destination or policy than the job file
    bool want_actions = false;       ///< fill RunReport::actions
    /// `paths` is what a watcher saw change, so that some of it may be nowhere by now. Such a run deletes only while
    /// `watch` proves that it has told everything.
    bool follows_watch = false;
    SourceWatch* watch = nullptr;  ///< the live watcher of the source, which outlives the run; null: there is none
    GonePaths gone = {};           ///< what `watch` saw go: all that a run to a bucket may delete
    std::vector<std::string> unproven = {};  ///< files of the source to be read whatever their stamps say
    std::vector<uint64_t> inodes = {};       ///< of the source, with more names than `paths` has: those count, too
    const StopReason* stop = nullptr;        ///< for the history; may be null, and outlives the run
    /// Told what the user should know before the run has ended, on the engine's thread; may be empty.
    std::function<void(const std::string&)> say = {};
};

/// One action for people and JSON.
struct PlannedAction {
    Op op = Op::put;
    std::string path;  ///< raw bytes: escape before showing
    uint64_t bytes = 0;
    std::string reason;
};

/// `put` counts symlinks too; `removed` counts files, symlinks and special files (as max_delete does), `rmdir`
/// directories.
struct PlanSummary {
    uint64_t put = 0, mkdir = 0, removed = 0, chmod = 0, unchanged = 0, bytes = 0, rmdir = 0;
    uint64_t changed_there = 0;  ///< overwritten, though somebody had changed it on the target
    uint64_t never_seen = 0;     ///< overwritten, though it was in no baseline
};

PlanSummary summary_of(const Plan& plan);
std::vector<PlannedAction> planned_actions(const Plan& plan, const Tree& source, const Tree& target);

struct RunReport {
    std::string job, source, target;  ///< name and shown roots
    Direction direction = Direction::push;
    Outcome outcome = Outcome::success;
    std::string error;            ///< outcome failed or cancelled: the whole message
    bool is_usage_error = false;  ///< outcome failed: the job itself is wrong (exit status 2)
    Errc failure = Errc::failed;  ///< outcome failed: of which kind
    std::vector<Halt> halts;      ///< outcome halted (or plan_only): every guard that applies
    PlanSummary planned;
    PlanSummary done;                    ///< what was verified
    uint64_t deletes = 0;                ///< the same as max_delete counts them: with directories that were empty
    std::vector<PlannedAction> actions;  ///< with want_actions
    std::vector<Problem> problems;       ///< exit status 4: each failed path once
    std::vector<Problem> notes;          ///< worth a word, no failure
    PathLog paths;                       ///< what was done, path by path; problems and notes not yet in it
    uint64_t scanned = 0;                ///< entries of both sides
    TimeNs started_at = 0, finished_at = 0;
};

/// 0, 1, 3, 4 or 5 (design: exit status); 1 for a cancelled run.
int exit_status(const RunReport& report);
/// Of a run that found its pair locked.
constexpr int locked_exit_status = 5;

/// The report as the history keeps it.
RunRecord history_record(const RunReport& report);

/// What runs share. Everything outlives every run.
struct RunContext {
    Store& store;
    EndpointFactory& endpoints;
    std::string state_directory;  ///< where lock files live
    /// " -f FILE" for commands that messages advise; "" when the job file is found anyway.
    std::string file_option = {};
    std::string watch_directory = {};  ///< where watchers make their cookies; "": in the state directory
};

/// Never throws for what went wrong in the run: the report says it. Throws Error{locked} when another run has the job,
/// and asio::system_error(operation_aborted) or Cancelled when the caller cancels it (after the batch in hand was ended
/// safely and what was verified is recorded). The job and the options outlive the run.
Task<RunReport> run_job(const Job& job, RunOptions options, RunContext& context, Progress& progress);

}  // namespace syncline
