// clean: removes remote project directories, of the current project, or by age, or all.
#include <algorithm>
#include <asio/this_coro.hpp>
#include <set>

#include "base/text.hpp"
#include "cli/clean_background.hpp"
#include "cli/clean_locks.hpp"
#include "cli/commands.hpp"
#include "cli/direct_run.hpp"
#include "cli/exit_status.hpp"
#include "cli/host_clean.hpp"
#include "cli/job_files.hpp"
#include "cli/terminal.hpp"
#include "config/reach.hpp"
#include "core/project_name.hpp"
#include "endpoint/ssh.hpp"
#include "endpoint/ssh_root.hpp"

namespace syncline::cli {
namespace {

/// Of several, the first of these counts.
CleanScope scope_of(const CommandLine& line) {
    if (line.clean_auto) return CleanScope::automatic;
    if (line.purge) return CleanScope::purge;
    return line.all ? CleanScope::all : CleanScope::current;
}

/// What is cleaned, and where.
struct CleanOrder {
    CleanRequest request;
    std::set<std::string> hosts;
};

class CleanCommand {
  public:
    explicit CleanCommand(Session& session) : session_(session), file_(find_and_load(session, false)) {}

    int run() {
        Workbench workbench(session_);
        if (file_) workbench.use_settings(*file_);
        CleanOrder order = make_order(workbench);
        require_trust_for_hosts(order);
        bool needs_answer = order.request.scope == CleanScope::purge && !session_.line.dry_run && !session_.line.yes;
        if (needs_answer && !has_terminal())
            throw Error(Errc::usage,
                        "--purge removes other clients' directories too, and there is no terminal to ask on: give "
                        "--yes, or see with --dry-run what would go");
        const std::string& state_directory = workbench.context().state_directory;
        if (session_.line.background) {
            std::optional<BackgroundClean> locks = begin_background_clean(state_directory);
            if (!locks) return exit_ok;
            // Another one may have ended since this one was started.
            Store& store = workbench.context().store;
            std::erase_if(order.hosts, [&](const std::string& host) { return !is_clean_due(store, host); });
            return clean_hosts(workbench, order);
        }
        if (session_.line.dry_run) return clean_hosts(workbench, order);
        FileLock lock = begin_clean_by_hand(state_directory);
        return clean_hosts(workbench, order);
    }

  private:
    const JobFile* file() const { return file_ ? &*file_ : nullptr; }

    CleanOrder make_order(Workbench& workbench) {
        const CommandLine& line = session_.line;
        CleanOrder order;
        order.request.scope = scope_of(line);
        order.request.is_by_itself = line.background;
        order.request.is_dry_run = line.dry_run;
        order.request.is_confirmed = line.yes;
        bool is_wide = order.request.scope != CleanScope::current;
        if (is_wide && !line.hosts.empty()) {
            order.hosts = {line.hosts.begin(), line.hosts.end()};
        } else if (is_wide && line.arguments.empty() && line.remote.empty()) {
            order.hosts = all_hosts();
        } else {
            DirectRun run = resolve_direct_run(line, file_, Direction::push, session_.environment);
            name_project(run, workbench, order);
        }
        return order;
    }

    std::set<std::string> all_hosts() const {
        std::set<std::string> hosts;
        if (!file_)
            throw Error(Errc::usage, "there is no job file that names the hosts; give one with -f, or --remote HOST:");
        for (const auto& [name, host] : file_->hosts) hosts.insert(name);
        for (const Job& job : file_->jobs) {
            if (job.remote.type == Destination::Type::ssh) hosts.insert(job.remote.name);
        }
        if (hosts.empty()) throw Error(Errc::usage, "no job of " + escape(file_->shown_path) + " goes to a server");
        return hosts;
    }

    void name_project(const DirectRun& run, Workbench& workbench, CleanOrder& order) const {
        const Job& job = run.job;
        if (!run.options.paths.empty())
            throw Error(Errc::usage,
                        "clean takes the name of a job, and no paths: " + escape(session_.line.arguments.front()));
        if (job.remote.type != Destination::Type::ssh)
            throw Error(Errc::usage, "job '" + escape(job.name) + "' goes to " + escape(job.remote_text) +
                                         ", and only directories on servers are cleaned");
        order.hosts = {job.remote.name};
        if (order.request.scope != CleanScope::current) return;
        SshHosts& hosts = workbench.ssh_hosts();
        std::shared_ptr<SshHost> host = hosts.host(job.remote.name);
        std::string directory = remote_directory(hosts, *host, job.remote, job.root);
        std::string root = normal_remote_directory(host->remote_root()) + "/";
        bool is_project = directory.starts_with(root) && parse_project_directory(directory.substr(root.size()));
        if (!is_project)
            throw Error(Errc::usage, escape(job.remote.name + ":" + directory) +
                                         " is not in the default layout under remote_root, so that clean never "
                                         "touches it; remove it by hand");
        order.request.chosen = {directory.substr(root.size())};
        if (job.line != 0) order.request.chosen_job = job.name;
    }

    /// A file that was found may only be used so far as its user trusts it.
    void require_trust_for_hosts(const CleanOrder& order) const {
        std::optional<JobFilePath> place = locate_job_file(session_, false);
        if (!file_ || !place || place->was_named) return;
        std::vector<Job> jobs = file_->jobs;
        std::erase_if(jobs, [&](const Job& job) { return !order.hosts.contains(job.remote.name); });
        bool has_lone_host = std::ranges::any_of(order.hosts, [&](const std::string& host) {
            auto is_its = [&](const Job& job) { return job.remote.name == host; };
            return file_->hosts.contains(host) && std::ranges::none_of(jobs, is_its);
        });
        std::vector<Diagnostic> reach = has_lone_host ? untrusted_reach(*file_, session_.environment)
                                                      : untrusted_reach(*file_, jobs, false, session_.environment);
        std::optional<std::string> reason = reason_for_distrust(*file_, reach, session_.environment);
        if (reason) throw Error(Errc::usage, *reason);
    }

    int clean_hosts(Workbench& workbench, const CleanOrder& order) {
        int status = exit_ok;
        for (const std::string& host : order.hosts) {
            try {
                HostClean clean(workbench, file(), host, order.request);
                workbench.run(clean_host(clean));
                status = worse_status(status, status_of(clean.report()));
            } catch (const Error& error) {
                session_.output.error(error.what());
                status = worse_status(status, exit_status(error.code()));
            }
        }
        return status;
    }

    Task<void> clean_host(HostClean& clean) {
        co_await clean.plan();
        bool goes_on = !session_.line.dry_run;
        if (goes_on) goes_on = co_await is_confirmed(clean.report());
        if (goes_on) co_await clean.carry_out();
        if (goes_on || session_.line.dry_run) session_.output.cleaned(clean.report());
    }

    Task<bool> is_confirmed(const CleanReport& report) {
        if (session_.line.yes || scope_of(session_.line) != CleanScope::purge) co_return true;
        size_t count = 0;
        for (const CleanedDirectory& directory : report.directories) count += directory.decision.removes ? 1 : 0;
        if (count == 0) co_return true;
        std::string question =
            "Remove " + (count == 1 ? "1 project directory" : std::to_string(count) + " project directories") +
            " under " + escape(report.host + ":" + report.root) + ", those of other clients too? (yes/no) ";
        Terminal terminal(co_await asio::this_coro::executor, session_.console);
        auto asking = terminal.ask(std::move(question), true);
        std::optional<std::string> answer = co_await std::move(asking);
        bool is_yes = answer && (*answer == "yes" || *answer == "y");
        if (!is_yes) session_.output.info("nothing was removed");
        co_return is_yes;
    }

    int status_of(const CleanReport& report) {
        if (!report.problems.empty()) return exit_partial;
        if (scope_of(session_.line) != CleanScope::current || report.is_dry_run) return exit_ok;
        bool is_found = false;
        for (const CleanedDirectory& directory : report.directories) {
            if (directory.decision.reason == CleanReason::not_chosen || directory.is_gone) {
                is_found |= directory.is_gone;
                continue;
            }
            if (!parse_project_directory(directory.name)) continue;
            std::string why =
                directory.failure.empty() ? describe(directory.decision, report.quota_before) : directory.failure;
            session_.output.error(escape(report.host + ":" + report.root + "/" + directory.name) +
                                  " was not removed: " + why);
            return directory.decision.reason == CleanReason::in_use ? exit_locked : exit_halted;
        }
        if (!is_found) session_.output.info("this project has no directory on " + escape(report.host));
        return exit_ok;
    }

    Session& session_;
    std::optional<JobFile> file_;
};

int stop_clean(Session& session) {
    std::string holder = stop_background_clean(default_state_directory());
    session.output.info(holder.empty() ? "no clean runs in the background"
                                       : "stopped the clean in the background (PID " + holder + ")");
    return exit_ok;
}

}  // namespace

int clean_command(Session& session) {
    const std::vector<std::string>& arguments = session.line.arguments;
    if (!arguments.empty() && arguments.front() == "stop") return stop_clean(session);
    return CleanCommand(session).run();
}

}  // namespace syncline::cli
