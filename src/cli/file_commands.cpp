// The commands that concern the job file itself: check, init and trust; and completion, which reads job names from it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/completion.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/known_remotes.hpp"
#include "config/reach.hpp"

namespace syncline::cli {
namespace {

/// All of `text` in a new file; what stands at `path` already is left alone.
void write_new_file(const std::string& path, std::string_view text) {
    int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0 && errno == EEXIST) throw Error(Errc::usage, escape(path) + " is there already; it was left as it is");
    if (file < 0) throw errno_error("create", path, errno);
    while (!text.empty()) {
        ssize_t count = ::write(file, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            int why = errno;
            ::close(file);
            ::unlink(path.c_str());
            throw errno_error("write", path, why);
        }
        text.remove_prefix(static_cast<size_t>(count));
    }
    if (::close(file) != 0) throw errno_error("write", path, errno);
}

void list_jobs(const Session& session) {
    std::optional<JobFilePath> place = locate_job_file(session, false);
    if (!place) return;
    ParseOutcome outcome = load_job_file(place->path, session.environment);
    if (!outcome.file) return;
    std::string names;
    for (const Job& job : outcome.file->jobs) names += escape(job.name) + "\n";
    session.console.print(names);
}

/// What the file does that needs trust where it is found.
void tell_reach(Session& session, const JobFile& file) {
    std::vector<Diagnostic> reach = untrusted_reach(file, session.environment);
    std::vector<Diagnostic> missing = reach;
    try {
        missing = distrusted(file, reach, session.environment);
    } catch (const Error& error) {
        session.output.warning("what is trusted cannot be told: " + std::string(error.what()));
    }
    for (const Diagnostic& each : reach) {
        bool is_trusted = std::ranges::find(missing, each) == missing.end();
        session.output.diagnostic(is_trusted ? "trusted" : "needs trust", each);
    }
}

}  // namespace

int check_command(Session& session) {
    std::optional<JobFilePath> place = locate_job_file(session, true);
    if (!place) {
        require_job_file(session, true);
        return exit_usage;
    }
    ParseOutcome outcome = load_job_file(place->path, session.environment);
    std::vector<Diagnostic> warnings = outcome.warnings;
    for (const Diagnostic& warning : warnings) session.output.diagnostic("warning", warning);
    for (const Diagnostic& error : outcome.errors) session.output.diagnostic("error", error);
    if (outcome.file) tell_reach(session, *outcome.file);
    size_t jobs = outcome.file ? outcome.file->jobs.size() : 0;
    session.output.checked(shown_path(place->path, session.environment), jobs, outcome.errors.size(), warnings.size());
    return outcome.file ? exit_ok : exit_usage;
}

int init_command(Session& session) {
    write_new_file("jobs.toml", init_text());
    // Its job leaves the directory. Whoever had the file written may run it as it is.
    JobFile file = load(session, "jobs.toml");
    try {
        trust_file(file, session.environment);
    } catch (const Error& error) {
        session.output.warning("jobs.toml is not trusted yet: " + std::string(error.what()));
    }
    session.output.info(
        "wrote jobs.toml; try 'syncline plan', or edit it first; where an edit adds what leaves this directory or "
        "runs a command, name it ('syncline plan jobs.toml') or trust it ('syncline trust jobs.toml')");
    return exit_ok;
}

int trust_command(Session& session) {
    JobFile file = load(session, session.line.arguments.front());
    if (std::optional<Diagnostic> foreign = check_trusted_job_file(file.path, session.environment)) {
        throw Error(Errc::usage, foreign->text());
    }
    trust_file(file, session.environment);
    std::vector<Diagnostic> reach = untrusted_reach(file, session.environment);
    session.output.info("trusted " + escape(file.shown_path) +
                        (reach.empty() ? "; it does nothing that needs it" : " with this, and with nothing more:"));
    for (const Diagnostic& each : reach) session.output.info("  " + each.text());
    return exit_ok;
}

int completion_command(Session& session) {
    if (session.line.list_remotes) {
        std::string names;
        for (const std::string& name : known_remotes(session)) names += escape(name) + ":\n";
        session.console.print(names);
        return exit_ok;
    }
    if (session.line.list_jobs) {
        list_jobs(session);
        return exit_ok;
    }
    if (session.line.arguments.empty()) throw Error(Errc::usage, "SHELL is missing: bash, zsh or fish");
    const std::string& name = session.line.arguments.front();
    std::optional<Shell> shell = shell_of(name);
    if (!shell) throw Error(Errc::usage, "there is no completion for '" + escape(name) + "': bash, zsh or fish");
    session.console.print(completion_script(*shell));
    return exit_ok;
}

}  // namespace syncline::cli
