// doctor: tries every root, destination and limit of the job file and says what to do.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "base/text.hpp"
#include "cli/bucket_check.hpp"
#include "cli/commands.hpp"
#include "cli/doctor_checks.hpp"
#include "cli/doctor_ssh.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/workbench.hpp"
#include "config/reach.hpp"

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

/// Whether it may be used as it is.
bool look_at_job_file(Session& session, const JobFile& file, bool was_named, Consultation& consultation) {
    const std::string subject = "job file " + file.shown_path;
    if (!was_named) {
        std::optional<Diagnostic> foreign = check_found_job_file(file.path, session.environment);
        if (foreign) {
            consultation.tell(Finding{"error", subject, foreign->message, ""});
            return false;
        }
        if (reason_for_distrust(file, untrusted_reach(file, session.environment), session.environment)) {
            std::string advice = "read it, then: syncline trust " + escape(file.shown_path);
            consultation.tell(
                Finding{"error", subject, "is not trusted with all that it does: see `syncline check`", advice});
            return false;
        }
    }
    consultation.tell(Finding{"ok", subject, count_of(file.jobs.size(), "job"), ""});
    return true;
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

Task<void> keep(Findings& findings, Task<Findings> check) { findings = co_await std::move(check); }

/// Every host of the file and of its jobs; those that can be used.
std::set<std::string> look_at_hosts(Workbench& workbench, const JobFile& file, Consultation& consultation) {
    std::set<std::string> names, usable;
    for (const auto& [name, host] : file.hosts) names.insert(name);
    for (const Job& job : file.jobs) {
        if (job.remote.type == Destination::Type::ssh) names.insert(job.remote.name);
    }
    for (const std::string& name : names) {
        Findings findings;
        workbench.run(keep(findings, check_host(workbench.ssh_hosts().host(name))));
        for (const CleanRecord& clean : workbench.context().store.cleans()) {
            if (clean.host != name) continue;
            findings.push_back({clean.error.empty() ? "ok" : "warning", "host " + name, "last clean " + describe(clean),
                                clean.error.empty() ? "" : "syncline clean --auto"});
        }
        if (std::ranges::none_of(findings, [](const Finding& each) { return each.level == "error"; }))
            usable.insert(name);
        consultation.tell(std::move(findings));
    }
    return usable;
}

void look_at_buckets(Workbench& workbench, const JobFile& file, Consultation& consultation) {
    std::map<std::string, std::string> prefixes;
    for (const auto& [name, bucket] : file.buckets) prefixes.emplace(name, "");
    for (const Job& job : file.jobs) {
        if (job.remote.type == Destination::Type::bucket) prefixes[job.remote.name] = job.remote.path;
    }
    for (const auto& [name, prefix] : prefixes) {
        std::shared_ptr<BucketClient> client = workbench.buckets().client(name);
        Findings findings;
        workbench.run(keep(findings, check_bucket(client->s3, prefix)));
        consultation.tell(std::move(findings));
    }
}

/// What the last whole sync saw, where the job's destination can be told.
std::optional<WholeSync> recorded_sync(Workbench& workbench, const Job& job) {
    Store& store = workbench.context().store;
    return store.whole_sync(store.pair(workbench.pair_key(job)));
}

void look_at_jobs(Session& session, const JobFile& file, bool is_trusted, Consultation& consultation) {
    Workbench workbench(session);
    workbench.use_settings(file);
    std::set<std::string> hosts;
    if (is_trusted) hosts = look_at_hosts(workbench, file, consultation);
    if (is_trusted) look_at_buckets(workbench, file, consultation);
    for (const Job& job : file.jobs) {
        bool is_remote = job.remote.type == Destination::Type::ssh;
        bool is_reached = is_remote && hosts.contains(job.remote.name);
        std::optional<WholeSync> recorded;
        if (!is_remote || is_reached) recorded = recorded_sync(workbench, job);
        consultation.tell(check_job(job, recorded), job.name);
        if (!is_reached) continue;
        EndpointOptions options;
        options.local_root = job.root;
        std::unique_ptr<Endpoint> endpoint = workbench.endpoints().open(job.remote, options);
        std::shared_ptr<SshHost> host = workbench.ssh_hosts().host(job.remote.name);
        Findings findings;
        workbench.run(keep(findings, check_remote_directory(job, *host, *endpoint, recorded)));
        consultation.tell(std::move(findings), job.name);
    }
}

}  // namespace

int doctor_command(Session& session) {
    Consultation consultation(session.output);
    look_at_machine(default_state_directory(), consultation);
    std::optional<JobFilePath> place = locate_job_file(session, true);
    if (place && !consultation.has_error()) {
        JobFile file = load(session, place->path);
        bool is_trusted = look_at_job_file(session, file, place->was_named, consultation);
        look_at_jobs(session, file, is_trusted, consultation);
    } else if (!place) {
        session.output.info("no job file: 'syncline init' writes one");
    }
    if (consultation.has_error()) return exit_failed;
    session.output.info(consultation.has_warning() ? "nothing stands in the way; see the warnings" : "all is well");
    return exit_ok;
}

}  // namespace syncline::cli
