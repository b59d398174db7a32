// Hook process: a shell command with something to read on its standard input, whose lines are told as they come, and
// which ends in time. Engine's thread.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline::cli {

struct HookProcess {
    std::string command;                                           ///< for `sh -c`
    std::string directory;                                         ///< where it runs
    std::vector<std::pair<std::string, std::string>> environment;  ///< added to this process's
    std::string input;
    Duration limit = std::chrono::seconds(60);
    Duration grace = std::chrono::seconds(2);           ///< between SIGTERM and SIGKILL
    std::function<void(const std::string& line)> tell;  ///< of standard output and standard error
};

struct HookEnd {
    int status = 0;  ///< as of wait(2)
    bool was_out_of_time = false;
};

/// Runs it to its end. It and what it started in its process group is ended when its time is over, or when the caller
/// is cancelled; then Cancelled is thrown. Throws Error when it cannot be started.
Task<HookEnd> run_hook_process(HookProcess process);

}  // namespace syncline::cli
