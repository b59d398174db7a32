// Two places on the command line, as every copy tool has them: `push A B` and `pull A B`.
#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/direct_run.hpp"
#include "config/paths.hpp"
#include "config/remote.hpp"

namespace syncline::cli {
namespace {

mode_t type_at(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

/// Whether both lie in the root of one job: then they are its paths.
bool are_paths_of_a_job(const std::string& one, const std::string& other, const std::optional<JobFile>& file,
                        const ParseEnvironment& environment) {
    if (!file) return false;
    return std::ranges::any_of(file->jobs, [&](const Job& job) {
        return path_below_root(one, job.root, environment) && path_below_root(other, job.root, environment);
    });
}

bool is_job(const std::string& word, const std::optional<JobFile>& file) {
    return file && std::ranges::find(file->jobs, word, &Job::name) != file->jobs.end();
}

}  // namespace

bool is_far_place(const std::string& word, const std::optional<JobFile>& file, const ParseEnvironment& environment) {
    static const JobFile no_file;
    const JobFile& tables = file ? *file : no_file;
    if (type_at(absolute_path(word, environment.current_directory, environment)) != 0) return false;
    size_t colon = word.find(':');
    if (colon == std::string::npos || word.find('/') < colon) return false;
    RemoteMeaning meaning = read_remote(word, tables.hosts, tables.buckets, environment.current_directory, environment);
    return !meaning.destination || meaning.destination->type != Destination::Type::local;
}

bool names_two_places(const CommandLine& line, const std::optional<JobFile>& file,
                      const ParseEnvironment& environment) {
    const bool is_placed =
        !line.root.empty() || !line.remote.empty() || !line.remote_dir.empty() || !line.bucket.empty() || line.sync_cwd;
    const bool is_for_places =
        line.command == Command::push || line.command == Command::pull || line.command == Command::plan;
    if (!is_for_places || line.arguments.size() != 2 || is_placed) return false;
    const std::string &one = line.arguments[0], &other = line.arguments[1];
    if (is_far_place(one, file, environment) || is_far_place(other, file, environment)) return true;
    if (is_job(one, file)) return false;
    if (line.command == Command::plan) {
        // Else they may be a job file and a job.
        auto is_directory = [&](const std::string& word) {
            return type_at(absolute_path(word, environment.current_directory, environment)) == S_IFDIR;
        };
        if (!is_directory(one) || is_job(other, file)) return false;
    }
    return !are_paths_of_a_job(one, other, file, environment);
}

TwoPlaces two_places(const CommandLine& line, Direction direction, const std::optional<JobFile>& file,
                     const ParseEnvironment& environment) {
    const bool is_push = direction == Direction::push;
    const std::string command(policy_name(direction));
    TwoPlaces places{line.arguments[is_push ? 0 : 1], line.arguments[is_push ? 1 : 0], {}};
    const std::string root = absolute_path(places.root, environment.current_directory, environment);
    const mode_t type = type_at(root);
    if (is_far_place(places.root, file, environment)) {
        bool both = is_far_place(places.remote, file, environment);
        throw Error(Errc::usage, both ? "both places are on servers or in buckets; one of the two must be here"
                                      : "'" + escape(places.root) + "' is not here, and a " + command + " goes " +
                                            (is_push ? "from the first place to the second"
                                                     : "from the first place into the second") +
                                            "; the other way is: syncline " + (is_push ? "pull " : "push ") +
                                            escape(line.arguments[0]) + " " + escape(line.arguments[1]));
    }
    if (type == 0 && is_job(places.root, file)) {
        throw Error(Errc::usage, "'" + escape(places.root) +
                                     "' is a job, and no directory here; to another directory it goes with '" +
                                     command + " " + escape(places.root) + " -d DIR'");
    }
    if (!is_push) return places;
    if (type == 0) {
        std::vector<std::string> names;
        for (const Job& job : file ? file->jobs : std::vector<Job>{}) names.push_back(job.name);
        std::string nearest = did_you_mean(places.root, names);
        throw Error(Errc::usage, "there is no job and no path '" + escape(places.root) + "'" +
                                     (nearest.empty() ? "" : "; did you mean '" + escape(nearest) + "'?"));
    }
    if (type == S_IFDIR) return places;
    // One file: its directory is the root, of which nothing else is looked at.
    size_t slash = root.rfind('/');
    places.paths = {root};
    places.root = slash == 0 ? "/" : root.substr(0, slash);
    return places;
}

}  // namespace syncline::cli
