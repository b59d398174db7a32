// run: push, a command of the user's in the remote project directory, pull.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/signal_set.hpp>
#include <csignal>

#include "base/text.hpp"
#include "cli/clean_background.hpp"
#include "cli/commands.hpp"
#include "cli/direct_run.hpp"
#include "cli/end_run.hpp"
#include "cli/engine_run.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/run_environment.hpp"
#include "cli/run_plans.hpp"
#include "cli/terminal.hpp"
#include "cli/workbench.hpp"
#include "endpoint/ssh.hpp"
#include "endpoint/ssh_root.hpp"
#include "engine/remote_use.hpp"
#include "ssh/remote_program.hpp"

namespace syncline::cli {
namespace {

constexpr int exit_no_status = 255;
constexpr int patience_with_signals = 3;
constexpr auto push_failed =
    "the command was not run, because the push before it did not end well; --skip-sync runs it all the same";

struct SignalName {
    int number;
    const char* name;  ///< RFC 4254 section 6.10
};
constexpr std::array<SignalName, 13> signal_names{{{SIGABRT, "ABRT"},
                                                   {SIGALRM, "ALRM"},
                                                   {SIGFPE, "FPE"},
                                                   {SIGHUP, "HUP"},
                                                   {SIGILL, "ILL"},
                                                   {SIGINT, "INT"},
                                                   {SIGKILL, "KILL"},
                                                   {SIGPIPE, "PIPE"},
                                                   {SIGQUIT, "QUIT"},
                                                   {SIGSEGV, "SEGV"},
                                                   {SIGTERM, "TERM"},
                                                   {SIGUSR1, "USR1"},
                                                   {SIGUSR2, "USR2"}}};

/// As a shell has it.
int status_of(const ssh::ExitStatus& exit) {
    if (exit.status) return *exit.status & 0xff;
    auto known = std::ranges::find(signal_names, exit.signal, &SignalName::name);
    return known == signal_names.end() ? exit_no_status : 128 + known->number;
}

/// Goes to the directory, making it when it is missing, sets the variables and becomes the command.
std::string script_for(const std::string& host, const std::string& directory, const CommandLine& line) {
    std::string word = shell_word_of_directory(directory);
    std::string complaint = "syncline: " + escape(host) + ": the directory " + escape(directory) +
                            " cannot be made or entered there, so the command was not run; -d says another one";
    std::string script = "cd " + word + " 2>/dev/null || { (umask 077; mkdir -p " + word + ") && cd " + word +
                         "; } || { echo " + sh_quote(complaint) + " >&2; exit " + std::to_string(exit_no_status) +
                         "; }\n";
    for (const auto& [name, value] : chosen_variables(line.variables, process_variables())) {
        script += "export " + name + "=" + sh_quote(value) + "\n";
    }
    script += "exec";
    for (const std::string& argument : line.remote_command) script += " " + sh_quote(argument);
    return script + "\n";
}

/// The selected local entries.
Task<Tree> list_selected(const Job& job, EndpointFactory& endpoints) {
    Destination place{Destination::Type::local, "", job.root};
    EndpointOptions options;
    std::unique_ptr<Endpoint> root = endpoints.open(place, options);
    std::unique_ptr<IgnoreSource> ignores = endpoints.ignore_files(job.root, job.ignore_files);
    Filter filter(job.filter);
    ListRequest request;
    request.filter = &filter;
    request.ignores = ignores.get();
    request.symlinks = job.policy.symlinks;
    Progress progress;
    auto listing = root->list(request, progress);
    Listing listed = co_await std::move(listing);
    co_return std::move(listed.tree);
}

/// A file or symlink that is not in both as the same; nullopt when there is none. Directories change with what is in
/// them.
std::optional<std::string> first_change(const Tree& before, const Tree& after) {
    auto find_lost = [](const Tree& all, const Tree& other) -> std::optional<std::string> {
        for (const Entry& entry : all.entries()) {
            if (entry.kind == Kind::directory) continue;
            uint32_t there = other.find(all.path(entry));
            bool is_same = there != Tree::none && other[there].kind == entry.kind && other[there].stamp == entry.stamp;
            if (!is_same) return std::string(all.path(entry));
        }
        return std::nullopt;
    };
    std::optional<std::string> gone = find_lost(before, after);
    return gone ? gone : find_lost(after, before);
}

class RemoteRun {
  public:
    RemoteRun(Session& session, Workbench& workbench, DirectRun push, DirectRun pull, bool pushes)
        : session_(session),
          workbench_(workbench),
          push_(std::move(push)),
          pull_(std::move(pull)),
          pushes_(pushes),
          wants_pull_(session.line.pull || session.line.pull_always) {}

    Task<void> run() {
        if (pushes_) {
            int status = exit_failed;
            co_await run_and_tell(push_.job, push_.options, workbench_, session_.output, true, status);
            if (status != exit_ok) {
                session_.output.error(push_failed);
                co_return;
            }
        }
        if (wants_pull_) before_ = co_await list_selected(push_.job, workbench_.endpoints());
        co_await run_program();
        bool pulls = wants_pull_ && is_confirmed_ && (status_ == 0 || session_.line.pull_always);
        if (pulls) co_await pull_back();
    }

    int status() const { return status_; }

  private:
    Task<void> run_program() {
        SshHosts& hosts = workbench_.ssh_hosts();
        std::shared_ptr<SshHost> host = hosts.host(push_.job.remote.name);
        std::string directory = remote_directory(hosts, *host, push_.job.remote, push_.job.root);
        std::string script = script_for(host->name(), directory, session_.line);
        std::optional<ssh::RemoteTerminal> terminal;
        if (::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO)) {
            const char* type = ::getenv("TERM");
            terminal.emplace(type == nullptr ? "dumb" : type);
            if (script.size() > ssh::longest_command_script)
                throw Error(Errc::usage,
                            "the command and its variables are too long for a terminal (24 KiB); redirect "
                            "standard input, or put them into a script");
        }
        const ssh::SshSettings* settings = co_await host->settings();
        std::optional<ProjectPlace> place = project_place_of(*host, *settings, directory);
        auto work = run_there(host, std::move(script), std::move(terminal));
        if (!place) {
            co_await std::move(work);
            co_return;
        }
        RunContext& context = workbench_.context();
        RemoteUse use(context.store, context.state_directory, *place, push_.job.root, push_.job.name);
        co_await use.begin();
        auto kept = use.keep_while(std::move(work));
        co_await std::move(kept);
        use.record(host->host_key());
    }

    Task<void> run_there(std::shared_ptr<SshHost> host, std::string script,
                         std::optional<ssh::RemoteTerminal> terminal) {
        ssh::SessionPool::Lease lease = co_await host->acquire();
        auto executor = co_await asio::this_coro::executor;
        ssh::RemoteProgram program(lease.session(), executor, workbench_.workers(), {});
        ssh::ExitStatus exit = co_await attend(program, std::move(script), std::move(terminal));
        status_ = status_of(exit);
        is_confirmed_ = exit.is_confirmed();
        if (!is_confirmed_)
            session_.output.error(escape(host->name()) + ": the server did not tell how the command ended; " +
                                  (wants_pull_ ? "nothing is pulled, look there first" : "look there"));
    }

    /// Signals that come while it runs are its own; who keeps asking is heard by us.
    Task<ssh::ExitStatus> attend(ssh::RemoteProgram& program, std::string script,
                                 std::optional<ssh::RemoteTerminal> terminal) {
        auto executor = co_await asio::this_coro::executor;
        asio::signal_set resizes(executor);
        std::optional<RawTerminal> raw;
        if (terminal) {
            raw.emplace(STDIN_FILENO);
            resizes.add(SIGWINCH);
            await_resize(resizes, program);
        }
        int seen = 0;
        auto pass_on = [&](int number) {
            auto known = std::ranges::find(signal_names, number, &SignalName::number);
            if (++seen > patience_with_signals || known == signal_names.end()) return false;
            program.send_signal(known->name);
            return true;
        };
        workbench_.set_signal_filter(pass_on);
        std::exception_ptr failure;
        ssh::ExitStatus exit;
        try {
            auto running = program.run(std::move(script), std::move(terminal));
            exit = co_await std::move(running);
        } catch (...) {
            failure = std::current_exception();
        }
        workbench_.set_signal_filter(nullptr);
        if (failure) std::rethrow_exception(failure);
        co_return exit;
    }

    static void await_resize(asio::signal_set& resizes, ssh::RemoteProgram& program) {
        resizes.async_wait([&](const std::error_code& error, int) {
            if (error) return;
            program.resize();
            await_resize(resizes, program);
        });
    }

    Task<void> pull_back() {
        Tree now = co_await list_selected(push_.job, workbench_.endpoints());
        std::optional<std::string> change = first_change(before_, now);
        int status = exit_failed;
        if (change) {
            session_.output.error(escape(*change) +
                                  " changed here while the command ran, so nothing was pulled; `syncline pull` " +
                                  "does it when you are ready");
        } else {
            co_await run_and_tell(pull_.job, pull_.options, workbench_, session_.output, true, status);
        }
        // The command's own failure says more.
        if (status_ == 0) status_ = status;
    }

    Session& session_;
    Workbench& workbench_;
    DirectRun push_, pull_;
    bool pushes_, wants_pull_;
    Tree before_;
    int status_ = exit_no_status;
    bool is_confirmed_ = false;  ///< the server told how the command ended
};

/// -d sends the command elsewhere, where nobody meant to mirror to; a job that only pulls pushes only when told so.
bool wants_push(const CommandLine& line, const DirectRun& run, const std::optional<JobFile>& file) {
    if (line.sync || line.skip_sync) return line.sync;
    bool only_pulls =
        file && std::ranges::any_of(file->jobs, [&](const Job& job) {
            return job.line == run.job.line && job.name == run.job.name && job.policy.direction == Direction::pull;
        });
    return line.remote_dir.empty() && run.job.sync_before_run && !only_pulls;
}

void check_line(const CommandLine& line, const DirectRun& run) {
    if (line.sync && line.skip_sync) throw Error(Errc::usage, "--sync and --skip-sync exclude each other");
    if (line.pull && line.pull_always) throw Error(Errc::usage, "--pull and --pull-always exclude each other");
    if (!run.options.paths.empty())
        throw Error(Errc::usage, "run takes the name of a job, and no paths: " + escape(line.arguments.front()));
    if (run.job.remote.type != Destination::Type::ssh)
        throw Error(Errc::usage, "job '" + escape(run.job.name) + "' goes to " + escape(run.job.remote_text) +
                                     ", and commands are run on SSH destinations only");
    for (const std::string& argument : line.remote_command) {
        if (argument.find('\0') != std::string::npos) throw Error(Errc::usage, "the command holds a NUL byte");
    }
}

/// --restart: nobody else moves the job's files any more, and an engine that holds the job has pushed it, with this
/// exit status.
std::optional<int> push_anew(Session& session, const std::optional<JobFile>& file, const DirectRun& push) {
    end_run_elsewhere(session, file, push.job);
    return file ? run_in_engine(session, *file, push) : std::nullopt;
}

int run_there(Session& session, const std::optional<JobFile>& file, DirectRun push, DirectRun pull) {
    bool pushes = wants_push(session.line, push, file);
    if (pushes && session.line.restart) {
        std::optional<int> done = push_anew(session, file, push);
        if (done.value_or(exit_ok) != exit_ok) {
            session.output.error(push_failed);
            return exit_no_status;
        }
        pushes = !done;
    }
    Workbench workbench(session);
    if (file) workbench.use_settings(*file);
    workbench.context().file_option = file_option(session, false);
    Job job = push.job;
    RemoteRun run(session, workbench, std::move(push), std::move(pull), pushes);
    workbench.run(run.run());
    if (run.status() != exit_no_status) clean_after(session, file, job, workbench);
    return run.status();
}

}  // namespace

int run_command(Session& session) {
    std::optional<JobFile> file = find_and_load(session, false);
    DirectRun push = resolve_direct_run(session.line, file, Direction::push, session.environment);
    DirectRun pull = resolve_direct_run(session.line, file, Direction::pull, session.environment);
    check_line(session.line, push);
    tell_ad_hoc(session, push.job);
    if (file) require_trust_for(session, *file, push.job);
    // A variable that is missing is told before anything is done.
    chosen_variables(session.line.variables, process_variables());
    try {
        return run_there(session, file, std::move(push), std::move(pull));
    } catch (const Error& error) {
        session.output.error(error.what());
    } catch (const Cancelled&) {
        session.output.error("cancelled");
    }
    return exit_no_status;
}

}  // namespace syncline::cli
