// Workbench: what runs need, put together: the event loop, the pools, the state. And the way a command runs a coroutine
// to its end, while progress is drawn and signals are heeded.
//
// One for a command, on the main thread. It outlives everything that runs on it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/offload.hpp"
#include "async/task.hpp"
#include "cli/session.hpp"
#include "endpoint/buckets.hpp"
#include "endpoint/ssh_host.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

class Workbench {
  public:
    /// Opens the state; throws Error{state}.
    explicit Workbench(Session& session);
    ~Workbench();
    Workbench(const Workbench&) = delete;
    Workbench& operator=(const Workbench&) = delete;

    RunContext& context();

    /// Takes up what the job file says of its hosts and of the bandwidth that all transfers share. Holds from now on;
    /// before it every host is one of ssh_config.
    void use_settings(const JobFile& file);

    /// For commands that look at servers themselves.
    SshHosts& ssh_hosts();
    Buckets& buckets();
    WorkerPool& workers();
    EndpointFactory& endpoints();

    /// Runs `task` until it ends, and rethrows what it threw. SIGINT and SIGTERM cancel it; a second one ends the
    /// process at once, which every run survives. Cancelled is thrown when a cancel ended it. SIGHUP does the same
    /// unless the task `reloads` on it.
    void run(Task<void> task, bool reloads = false);
    /// Asks `passed` first of each signal that would cancel, and of those that would end the process: what it says true
    /// to goes no further. Null: nobody is asked.
    void set_signal_filter(std::function<bool(int number)> passed);
    /// Whether signing in anywhere took an answer of the user's.
    bool asked_the_user() const;
    /// `tell` hears of each clean that ended in this process. Null: nobody does.
    void when_cleaned(std::function<void()> tell);
    void cleaned();
    /// Whether a signal asked for the end.
    bool was_interrupted() const;

    /// find_pair_key() for commands that run nothing else.
    PairKey pair_key(const Job& job);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// What a baseline of `job` is bound to. May run `ssh -G`; asks no server. `endpoints` outlives the task.
Task<PairKey> find_pair_key(Job job, EndpointFactory& endpoints);

}  // namespace syncline::cli
