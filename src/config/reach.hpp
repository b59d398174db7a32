// Reach: what a job file does beyond its own directory, which its user must have named or trusted: roots and remotes
// outside, commands, files that hosts are believed by, keys and variables that are sent. Functions without state; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"
#include "config/environment.hpp"
#include "config/job.hpp"
#include "config/reader.hpp"

namespace syncline {

/// All that a job file may not do before its user has trusted it, one message a fact. Trust is remembered for these
/// messages: what is in none of them may be edited freely.
std::vector<Diagnostic> untrusted_reach(const JobFile& file, const ParseEnvironment& environment);

/// The same for what runs `jobs` with the hosts and buckets that they go to, and opens the status endpoint only when it
/// serves one. A job of no line is one of the command line, whose places are the user's own.
std::vector<Diagnostic> untrusted_reach(const JobFile& file, const std::vector<Job>& jobs, bool serves_status,
                                        const ParseEnvironment& environment);

/// The messages alone: what trust is remembered for.
std::vector<std::string> facts_of(const std::vector<Diagnostic>& reach);

/// Whether the table of reach.cpp says what the key lets a stranger's file do, or why it is harmless.
bool is_judged(TableKind table, std::string_view key);

}  // namespace syncline
