// Direct runs: which job `push` and `pull` mean, and what the command line changes in it for this one run. Looks at the
// file system only to follow symlinks and to see what exists.
#pragma once

#include <optional>

#include "cli/command_line.hpp"
#include "config/environment.hpp"
#include "config/job.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

struct DirectRun {
    Job job;
    RunOptions options;
};

/// Without a direction it is the one that the job declares. Throws Error{usage} when the command line names no job,
/// two, or a path that lies in none.
DirectRun resolve_direct_run(const CommandLine& line, const std::optional<JobFile>& file,
                             std::optional<Direction> direction, const ParseEnvironment& environment);

/// Whether it is written as a HOST:DIR or BUCKET:PREFIX, and nothing here has that name.
bool is_far_place(const std::string& word, const std::optional<JobFile>& file, const ParseEnvironment& environment);

/// Whether the arguments are two places, and not a job and paths: one of them is a HOST:DIR or BUCKET:PREFIX, or no
/// root of a job holds both.
bool names_two_places(const CommandLine& line, const std::optional<JobFile>& file, const ParseEnvironment& environment);

/// The two, when they are that: what becomes the root of an ad hoc job and what its remote; of a file, its directory
/// and the file as the only path. Throws Error{usage} when the local one is none.
struct TwoPlaces {
    std::string root, remote;
    std::vector<std::string> paths;
};
TwoPlaces two_places(const CommandLine& line, Direction direction, const std::optional<JobFile>& file,
                     const ParseEnvironment& environment);

/// `word`, relative to the current directory, as a path below `root` ("" is the root itself); nullopt when it lies
/// outside. A symlink at its end is not followed, so that it can be named; those before it are.
std::optional<std::string> path_below_root(const std::string& word, const std::string& root,
                                           const ParseEnvironment& environment);

/// The nearest directory at or above `directory` that holds `.git`, else `directory`.
std::string git_root(const std::string& directory);

}  // namespace syncline::cli
