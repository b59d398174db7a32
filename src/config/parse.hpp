// The job file: from text to jobs, or to a list of all that is wrong with it. Functions without state; any thread.
//
// Nothing here throws for bad input, and nothing runs: commands and secrets are only noted. Parsing a text looks at the
// file system only to follow symlinks, for the rules on places that overlap.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/environment.hpp"
#include "config/job.hpp"

namespace syncline {

/// `file` is there exactly when `errors` is empty. Both lists are in the order of the file.
struct ParseOutcome {
    std::optional<JobFile> file;
    std::vector<Diagnostic> errors;
    std::vector<Diagnostic> warnings;
};

/// `path` is that of the file the text came from, absolute; relative paths of the text are below its directory.
ParseOutcome parse_job_file(std::string_view text, const std::string& path, const ParseEnvironment& environment);

/// Reads a regular file of at most 4 MiB; `path` may be relative to the current directory. A file that holds a literal
/// password must belong to this user and be readable by nobody else.
ParseOutcome load_job_file(const std::string& path, const ParseEnvironment& environment);

/// Without a name: jobs.toml in `directory` (absolute), else the nearest one upwards, else the user's
/// $XDG_CONFIG_HOME/syncline/jobs.toml. An absolute path.
std::optional<std::string> find_job_file(const std::string& directory, const ParseEnvironment& environment);

/// Why a job file that was found, not named, may not be used: it belongs to somebody else or others may write to it.
/// nullopt when it may.
std::optional<Diagnostic> check_found_job_file(const std::string& path, const ParseEnvironment& environment);

/// Whether it is the user's own, $XDG_CONFIG_HOME/syncline/jobs.toml, which needs no trust: the file and the
/// directories that it is in belong to this user, and nobody else may write there.
bool is_own_job_file(const std::string& path, const ParseEnvironment& environment);

/// Why a job file may not be trusted, for the same reasons: it would be refused all the same when it is found.
std::optional<Diagnostic> check_trusted_job_file(const std::string& path, const ParseEnvironment& environment);

/// The commented job file that `syncline init` writes. It is valid as it stands.
std::string init_text();

/// How messages name the job file: below the current directory without it, else whole.
std::string shown_path(const std::string& path, const ParseEnvironment& environment);

}  // namespace syncline
