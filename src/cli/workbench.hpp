// Workbench: what runs need, put together: the event loop, the pools, the state. And the way a command runs a coroutine
// to its end, while progress is drawn and signals are heeded.
//
// One for a command, on the main thread. It outlives everything that runs on it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "async/task.hpp"
#include "cli/session.hpp"
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

    /// What all transfers of this process share, bytes a second; nullopt: no limit. Holds at once.
    void set_bandwidth_limit(std::optional<uint64_t> bytes_per_second);

    /// Runs `task` until it ends, and rethrows what it threw. SIGINT and SIGTERM cancel it; a second one ends the
    /// process at once, which every run survives. Cancelled is thrown when a cancel ended it. SIGHUP does the same
    /// unless the task `reloads` on it.
    void run(Task<void> task, bool reloads = false);
    /// Whether a signal asked for the end.
    bool was_interrupted() const;

    /// What a baseline of `job` is bound to.
    PairKey pair_key(const Job& job);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::cli
