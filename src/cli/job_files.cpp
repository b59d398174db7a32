#include "cli/job_files.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/exit_status.hpp"
#include "cli/terminal.hpp"
#include "config/reach.hpp"
#include "state/store.hpp"

namespace syncline::cli {
namespace {

/// Those of the given names; all for no names.
std::vector<Job> chosen_jobs(const JobFile& file, const std::vector<std::string>& names) {
    std::vector<Job> chosen = file.jobs;
    std::erase_if(chosen,
                  [&](const Job& job) { return !names.empty() && std::ranges::find(names, job.name) == names.end(); });
    return chosen;
}

std::string what_needs_trust(const JobFile& file, const std::vector<Diagnostic>& missing) {
    std::string text =
        "the job file " + escape(file.shown_path) + " was found, not named, and is not trusted as far as this goes:\n";
    for (const Diagnostic& diagnostic : missing) text += "  " + diagnostic.text() + "\n";
    return text;
}

/// Whether somebody sits there who was asked by this very command: not for a script's run in a terminal.
bool can_ask(const Session& session) {
    return !session.line.json && ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0 && has_terminal();
}

/// Whether the user says that the file may do this from now on.
bool ask_for_trust(const Session& session, const JobFile& file, const std::vector<Diagnostic>& missing) {
    session.console.complain("syncline: " + what_needs_trust(file, missing));
    std::optional<std::string> answer = ask_now(session.console, "Trust it with this from now on? [y/N] ");
    if (!answer || (*answer != "y" && *answer != "Y" && *answer != "yes")) return false;
    Store(default_state_directory()).add_trust(trusted_path(file, session.environment), facts_of(missing));
    return true;
}

}  // namespace

std::optional<JobFilePath> locate_job_file(const Session& session, bool takes_file) {
    const CommandLine& line = session.line;
    bool has_argument = takes_file && !line.arguments.empty();
    if (has_argument && !line.file.empty())
        throw Error(Errc::usage, "the job file is given twice: as FILE and with -f");
    if (has_argument) return JobFilePath{line.arguments.front(), true};
    if (!line.file.empty()) return JobFilePath{line.file, true};
    std::optional<std::string> found = find_job_file(session.environment.current_directory, session.environment);
    if (!found) return std::nullopt;
    return JobFilePath{*found, false};
}

std::string file_option(const Session& session, bool takes_file) {
    std::optional<JobFilePath> place = locate_job_file(session, takes_file);
    return place && place->was_named ? " -f " + sh_quote(place->path) : "";
}

JobFile load(Session& session, const std::string& path) {
    ParseOutcome outcome = load_job_file(path, session.environment);
    for (const Diagnostic& warning : outcome.warnings) session.output.diagnostic("warning", warning);
    for (const Diagnostic& error : outcome.errors) session.output.diagnostic("error", error);
    if (!outcome.file) throw Reported{exit_usage};
    return std::move(*outcome.file);
}

std::string trusted_path(const JobFile& file, const ParseEnvironment& environment) {
    return environment.resolve(file.path);
}

void trust_file(const JobFile& file, const ParseEnvironment& environment) {
    std::vector<std::string> facts = facts_of(untrusted_reach(file, environment));
    Store(default_state_directory()).trust(trusted_path(file, environment), facts);
}

std::vector<Diagnostic> distrusted(const JobFile& file, std::vector<Diagnostic> reach,
                                   const ParseEnvironment& environment) {
    if (reach.empty() || is_own_job_file(file.path, environment)) return {};
    const std::string path = trusted_path(file, environment);
    Store store(default_state_directory());
    // A state of the first version knows the text that was trusted, and by it what it was trusted with.
    if (store.is_trusted_text(path, file.sha256)) store.trust(path, facts_of(untrusted_reach(file, environment)));
    const std::vector<std::string> facts = store.trusted_facts(path);
    std::erase_if(reach, [&](const Diagnostic& each) { return std::ranges::find(facts, each.message) != facts.end(); });
    return reach;
}

std::optional<std::string> reason_for_distrust(const JobFile& file, const std::vector<Diagnostic>& reach,
                                               const ParseEnvironment& environment) {
    std::vector<Diagnostic> missing = distrusted(file, reach, environment);
    if (missing.empty()) return std::nullopt;
    return what_needs_trust(file, missing) + "run 'syncline trust " + escape(file.shown_path) +
           "' after reading it, or name it with -f";
}

std::optional<JobFile> find_and_load(Session& session, bool takes_file) {
    std::optional<JobFilePath> place = locate_job_file(session, takes_file);
    if (!place) return std::nullopt;
    if (!place->was_named) {
        std::optional<Diagnostic> foreign = check_found_job_file(place->path, session.environment);
        if (foreign) throw Error(Errc::usage, foreign->text());
    }
    return load(session, place->path);
}

void require_trust(const Session& session, const JobFile& file, const std::vector<Job>& jobs, bool serves_status) {
    std::vector<Diagnostic> reach = untrusted_reach(file, jobs, serves_status, session.environment);
    if (can_ask(session)) {
        std::vector<Diagnostic> missing = distrusted(file, reach, session.environment);
        if (missing.empty() || ask_for_trust(session, file, missing)) return;
        throw Error(Errc::usage, escape(file.shown_path) + " is not trusted, and nothing was done");
    }
    std::optional<std::string> reason = reason_for_distrust(file, reach, session.environment);
    if (reason) throw Error(Errc::usage, *reason);
}

void require_trust_for(const Session& session, const JobFile& file, const Job& job) {
    if (locate_job_file(session, false)->was_named) return;
    auto written = std::ranges::find_if(
        file.jobs, [&](const Job& other) { return job.line != 0 && other.line == job.line && other.name == job.name; });
    require_trust(session, file, {written == file.jobs.end() ? job : *written}, false);
}

JobFile require_job_file(Session& session, bool takes_file) {
    std::optional<JobFile> file = find_and_load(session, takes_file);
    if (file) {
        bool was_named = locate_job_file(session, takes_file)->was_named;
        bool serves_status = session.line.command == Command::apply && !session.line.once;
        if (!was_named) require_trust(session, *file, chosen_jobs(*file, session.line.jobs), serves_status);
        return std::move(*file);
    }
    throw Error(
        Errc::usage,
        "there is no jobs.toml here, in a directory above, or in $XDG_CONFIG_HOME/syncline; name one with -f, or "
        "write one with 'syncline init'");
}

std::string unknown_job(const JobFile& file, const std::string& name) {
    std::vector<std::string> names;
    for (const Job& job : file.jobs) names.push_back(job.name);
    std::string nearest = did_you_mean(name, names);
    std::string text = "there is no job '" + escape(name) + "' in " + escape(file.shown_path);
    return nearest.empty() ? text : text + "; did you mean '" + escape(nearest) + "'?";
}

void keep_jobs(JobFile& file, const std::vector<std::string>& names) {
    if (names.empty()) return;
    for (const std::string& name : names) {
        if (std::ranges::find(file.jobs, name, &Job::name) == file.jobs.end())
            throw Error(Errc::usage, unknown_job(file, name));
    }
    std::erase_if(file.jobs, [&](const Job& job) { return std::ranges::find(names, job.name) == names.end(); });
}

ParseOutcome load_again(const Session& session, const std::string& path, bool was_named) {
    ParseOutcome outcome = load_job_file(path, session.environment);
    if (!outcome.file) return outcome;
    JobFile& file = *outcome.file;
    JobFile selected = file;
    selected.jobs = chosen_jobs(file, session.line.jobs);
    if (!was_named) {
        std::optional<Diagnostic> foreign = check_found_job_file(path, session.environment);
        if (foreign) outcome.errors.push_back(*foreign);
        std::vector<Diagnostic> reach = untrusted_reach(file, selected.jobs, true, session.environment);
        std::optional<std::string> reason = reason_for_distrust(file, reach, session.environment);
        if (reason) outcome.errors.push_back({file.shown_path, 0, 0, *reason});
    }
    if (!outcome.errors.empty()) outcome.file.reset();
    return outcome;
}

}  // namespace syncline::cli
