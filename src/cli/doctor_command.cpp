// doctor: tries every root, destination and limit of the job file and says what to do.
#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/workbench.hpp"

namespace syncline::cli {
namespace {

/// Tells findings and remembers whether all is well.
class Consultation {
  public:
    explicit Consultation(Output& output) : output_(output) {}

    void tell(Finding finding) {
        has_error_ |= finding.level == "error";
        has_warning_ |= finding.level == "warning";
        output_.found(finding);
    }
    void tell(Findings findings, const std::string& job = "") {
        for (Finding& finding : findings) {
            if (!job.empty()) finding.subject = job + ": " + finding.subject;
            tell(std::move(finding));
        }
    }
    bool has_error() const { return has_error_; }
    bool has_warning() const { return has_warning_; }

  private:
    Output& output_;
    bool has_error_ = false, has_warning_ = false;
};

/// "" when there is no job file or it is fine to use; the reason otherwise.
void look_at_job_file(Session& session, const JobFile& file, bool was_named, Consultation& consultation) {
    const std::string subject = "job file " + file.shown_path;
    if (!was_named) {
        std::optional<Diagnostic> foreign = check_found_job_file(file.path, session.environment);
        if (foreign) return consultation.tell(Finding{"error", subject, foreign->message, ""});
        if (reason_for_distrust(file, untrusted_reach(file, session.environment), session.environment)) {
            std::string advice = "read it, then: syncline trust " + escape(file.shown_path);
            return consultation.tell(Finding{"error", subject, "is not trusted as it is now", advice});
        }
    }
    consultation.tell(Finding{"ok", subject, count_of(file.jobs.size(), "job"), ""});
}

void look_at_machine(const std::string& state_directory, Consultation& consultation) {
    const char* search_path = std::getenv("PATH");
    consultation.tell(check_state_directory(state_directory));
    consultation.tell(check_open_files());
    consultation.tell(check_io_uring());
    consultation.tell(check_inotify());
    consultation.tell(check_clock());
    consultation.tell(check_git(search_path != nullptr ? search_path : ""));
}

void look_at_jobs(Session& session, const JobFile& file, Consultation& consultation) {
    Workbench workbench(session);
    Store& store = workbench.context().store;
    for (const Job& job : file.jobs) {
        std::optional<WholeSync> recorded;
        if (job.remote.type == Destination::Type::local)
            recorded = store.whole_sync(store.pair(workbench.pair_key(job)));
        consultation.tell(check_job(job, recorded), job.name);
    }
}

}  // namespace

int doctor_command(Session& session) {
    Consultation consultation(session.output);
    look_at_machine(default_state_directory(), consultation);
    std::optional<JobFilePath> place = locate_job_file(session, true);
    if (place && !consultation.has_error()) {
        JobFile file = load(session, place->path);
        look_at_job_file(session, file, place->was_named, consultation);
        look_at_jobs(session, file, consultation);
    } else if (!place) {
        session.output.info("no job file: 'syncline init' writes one");
    }
    if (consultation.has_error()) return exit_failed;
    session.output.info(consultation.has_warning() ? "nothing stands in the way; see the warnings" : "all is well");
    return exit_ok;
}

}  // namespace syncline::cli
