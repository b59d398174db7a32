// Hook rule: whether the end of a run is worth a hook, and the memory that this needs. By default a hook of a failure
// or halt runs when the outcome is another than before, and again so often; that of a success when something was done,
// or when it ends trouble. Runs by timer are processes of their own, so what was told stands in the state directory.
#pragma once

#include <string>

#include "config/job.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

/// What is known of the runs before.
struct HookPast {
    std::string outcome;  ///< of the last one; "" when there was none
    TimeNs told_at = 0;   ///< when a hook ran last
};

bool wants_hook(const HookPast& past, const RunReport& report, const Job& job, TimeNs now);

class HookMemory {
  public:
    /// In a folder of its own in `state_directory`.
    explicit HookMemory(std::string state_directory) : directory_(std::move(state_directory) + "/hooks") {}

    /// `job_file` is absolute; "" for a job that is in none.
    HookPast recall(const std::string& job_file, const std::string& job) const;
    /// What cannot be written is told once more than it had to be.
    void remember(const std::string& job_file, const std::string& job, const HookPast& past) const;

  private:
    std::string path_of(const std::string& job_file, const std::string& job) const;

    std::string directory_;
};

/// "" or why commands of a file in `directory` are not run there: somebody else may write to it, or put another in its
/// place.
std::string reason_against_commands_in(const std::string& directory);

}  // namespace syncline::cli
