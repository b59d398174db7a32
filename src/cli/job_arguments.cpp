#include "cli/job_arguments.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/direct_run.hpp"
#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline::cli {
namespace {

bool is_regular_file(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

class Sorter {
  public:
    Sorter(CommandLine& line, const ParseEnvironment& environment) : line_(line), environment_(environment) {}

    /// [FILE] [JOB]...: apply and plan.
    void sort_many() {
        if (line_.arguments.size() == 2 && names_two_places(line_, jobs(), environment_)) return;
        take_file();
        if (!line_.arguments.empty() && line_.file.empty() && !job_file()) refuse_without_file();
        line_.jobs.insert(line_.jobs.end(), line_.arguments.begin(), line_.arguments.end());
        line_.arguments.clear();
    }

    /// [FILE] [JOB]: what asks the engine.
    void sort_one(size_t most_jobs) {
        take_file();
        if (line_.arguments.empty() && command_spec(line_.command).argument.least > 0)
            throw Error(Errc::usage, "JOB is missing behind the job file");
        if (line_.arguments.size() > most_jobs)
            throw Error(Errc::usage, "unexpected argument '" + escape(line_.arguments[most_jobs]) + "'");
    }

    /// [FILE JOB] PATH...: a word is a file only where the one behind it is one of its jobs, for both could be paths.
    void sort_paths() {
        if (!line_.file.empty() || line_.arguments.size() < 2 || !line_.arguments.front().ends_with(".toml")) return;
        if (!is_regular_file(absolute_path(line_.arguments.front(), environment_.current_directory, environment_)))
            return;
        line_.file = line_.arguments.front();
        const bool is_file_and_job = is_job(line_.arguments[1]);
        if (is_file_and_job) line_.arguments.erase(line_.arguments.begin());
        if (!is_file_and_job) line_.file.clear();
    }

    /// [JOB] PATH.
    void sort_explained() {
        if (line_.arguments.size() < 2) return;
        line_.jobs.push_back(line_.arguments.front());
        line_.arguments.erase(line_.arguments.begin());
    }

    /// [FILE] alone: a job is most likely meant for another command.
    void sort_file() const {
        if (line_.arguments.empty() || is_file(line_.arguments.front()) || !is_job(line_.arguments.front())) return;
        throw Error(Errc::usage, "'" + escape(line_.arguments.front()) + "' is a job, and " +
                                     std::string(command_spec(line_.command).name) +
                                     " takes a job file; a file of that name is './" + escape(line_.arguments.front()) +
                                     "'");
    }

  private:
    void take_file() {
        if (line_.arguments.empty() || !is_file(line_.arguments.front())) return;
        if (!line_.file.empty()) throw Error(Errc::usage, "the job file is given twice: as FILE and with -f");
        line_.file = line_.arguments.front();
        line_.arguments.erase(line_.arguments.begin());
    }

    [[noreturn]] void refuse_without_file() const {
        std::string names;
        for (const std::string& word : line_.arguments) names += (names.empty() ? "'" : ", '") + escape(word) + "'";
        throw Error(Errc::usage, "there is no file " + names +
                                     ", and no jobs.toml here, in a directory above, or in "
                                     "$XDG_CONFIG_HOME/syncline that could have a job of that name; name one with -f");
    }

    std::optional<std::string> job_file() const {
        if (!line_.file.empty()) return line_.file;
        return find_job_file(environment_.current_directory, environment_);
    }

    /// What looks like one, and what is one where no job has that name. No job's name has '/' or '.' in it.
    bool is_file(const std::string& word) const {
        if (word.find('/') != std::string::npos || word.ends_with(".toml")) return true;
        return line_.file.empty() && !is_job(word) &&
               is_regular_file(absolute_path(word, environment_.current_directory, environment_));
    }

    bool is_job(const std::string& word) const {
        const std::optional<JobFile>& file = jobs();
        return file && std::ranges::find(file->jobs, word, &Job::name) != file->jobs.end();
    }

    /// Those of the file that -f names, else of the one that would be found. Without one that can be read, nothing is a
    /// job; why it cannot is told when it is used.
    const std::optional<JobFile>& jobs() const {
        if (was_read_) return jobs_;
        was_read_ = true;
        std::optional<std::string> path = job_file();
        if (path && (!line_.file.empty() || !check_found_job_file(*path, environment_)))
            jobs_ = load_job_file(*path, environment_).file;
        return jobs_;
    }

    CommandLine& line_;
    const ParseEnvironment& environment_;
    mutable bool was_read_ = false;
    mutable std::optional<JobFile> jobs_;
};

}  // namespace

void sort_job_arguments(CommandLine& line, const ParseEnvironment& environment) {
    Sorter sorter(line, environment);
    switch (line.command) {
        case Command::apply:
        case Command::plan: return sorter.sort_many();
        case Command::check:
        case Command::doctor: return sorter.sort_file();
        case Command::status:
        case Command::trigger:
        case Command::pause:
        case Command::resume:
        case Command::wait:
        case Command::watch:
        case Command::automatic: return sorter.sort_one(1);
        case Command::stop: return sorter.sort_one(0);
        case Command::explain: return sorter.sort_explained();
        case Command::push:
        case Command::pull:
        case Command::sync: return sorter.sort_paths();
        default: return;
    }
}

}  // namespace syncline::cli
