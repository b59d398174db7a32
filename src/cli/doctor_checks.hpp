// Doctor's checks: each looks at one thing and says whether it will do, and what to do when not. Nothing is changed and
// nothing is left behind: whether a directory can be written is asked of the kernel, not tried.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/report_json.hpp"
#include "config/job.hpp"
#include "core/guards.hpp"
#include "state/store.hpp"

namespace syncline::cli {

using Findings = std::vector<Finding>;

// This machine.

Finding check_state_directory(const std::string& directory);
Finding check_open_files();
Finding check_io_uring();
Findings check_inotify();
Finding check_clock();
Finding check_git(const std::string& search_path);

// One job, as far as it is on this machine. `recorded` is what its last whole sync saw.

Findings check_job(const Job& job, const std::optional<WholeSync>& recorded);

}  // namespace syncline::cli
