// Arguments that are a job file or jobs, told apart the same way for every command that takes them.
#pragma once

#include "cli/command_line.hpp"
#include "config/environment.hpp"

namespace syncline::cli {

/// Of a command that takes [FILE] or [JOB]: FILE becomes -f, and JOBs --job where the command knows that, else stay the
/// arguments. `plan A B` of two places keeps both words. Looks at the file system, and into the job file that would be
/// found. Throws Error{usage} for too many, and for a file that is given twice.
void sort_job_arguments(CommandLine& line, const ParseEnvironment& environment);

}  // namespace syncline::cli
