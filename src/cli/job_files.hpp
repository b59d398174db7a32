// Job files as commands get them: named on the command line or found, and then only when they may be used.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/session.hpp"
#include "config/parse.hpp"

namespace syncline::cli {

struct JobFilePath {
    std::string path;
    bool was_named = false;  ///< by FILE or -f; otherwise it was found
};

/// nullopt when none is named and none is found. `takes_file`: the first argument is FILE.
std::optional<JobFilePath> locate_job_file(const Session& session, bool takes_file);

/// " -f FILE" for commands that messages advise; "" when the job file is found without it.
std::string file_option(const Session& session, bool takes_file);

/// Tells the diagnostics. Throws Reported when there are errors.
JobFile load(Session& session, const std::string& path);

/// Locates and loads, and refuses a found file of others. Throws Reported, or Error{usage}. Before its jobs run it must
/// be trusted with them, unless it was named: require_trust.
std::optional<JobFile> find_and_load(Session& session, bool takes_file);

/// A found file that is not trusted with what these jobs of it reach: asks on a terminal, else refuses it. Throws
/// Error{usage}.
void require_trust(const Session& session, const JobFile& file, const std::vector<Job>& jobs, bool serves_status);

/// The same for one job of it, or an ad hoc job, as the command line made it: what the user typed needs no trust. A
/// file that was named is trusted.
void require_trust_for(const Session& session, const JobFile& file, const Job& job);

/// Both, for the jobs that --job names; that there is no job file is an error.
JobFile require_job_file(Session& session, bool takes_file);

/// The same file again, for an engine that follows its edits: with every check that the start made, as diagnostics.
ParseOutcome load_again(const Session& session, const std::string& path, bool was_named);

/// Of `reach` (untrusted_reach) what the found file is not trusted with. The user's own job file is trusted with all.
std::vector<Diagnostic> distrusted(const JobFile& file, std::vector<Diagnostic> reach,
                                   const ParseEnvironment& environment);

/// Why a found file that reaches as far may not be used until its user trusted it; nullopt when it may.
std::optional<std::string> reason_for_distrust(const JobFile& file, const std::vector<Diagnostic>& reach,
                                               const ParseEnvironment& environment);

/// What trust remembers a job file by: its physical path.
std::string trusted_path(const JobFile& file, const ParseEnvironment& environment);

/// Trusts it with all that it does now, and with nothing else.
void trust_file(const JobFile& file, const ParseEnvironment& environment);

/// Leaves the jobs that are named, in file order; all for no names. Throws Error{usage} for an unknown one.
void keep_jobs(JobFile& file, const std::vector<std::string>& names);
/// "there is no job 'tesis' in jobs.toml; did you mean 'thesis'?"
std::string unknown_job(const JobFile& file, const std::string& name);

}  // namespace syncline::cli
