// Overlaps between jobs: two that write to the same place, and jobs that feed each other in a circle. Symlinks are
// followed, so this asks the file system where local paths lead.
#pragma once

#include "config/diagnostic.hpp"
#include "config/environment.hpp"
#include "config/job.hpp"

namespace syncline {

/// Reports, at the later job's table or key, every two jobs whose targets overlap, and every circle of jobs.
void check_overlaps(JobFile& file, const ParseEnvironment& environment, Diagnostics& errors);

}  // namespace syncline
