#include "cli/clean_background.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <vector>

#include "base/text.hpp"
#include "cli/clean_locks.hpp"
#include "cli/host_clean.hpp"
#include "cli/job_files.hpp"
#include "core/project_name.hpp"
#include "endpoint/ssh.hpp"
#include "endpoint/ssh_root.hpp"

namespace syncline::cli {
namespace {

constexpr TimeNs hour = 3600 * ns_per_second;

bool is_switched_off() {
    const char* value = std::getenv("SYNCLINE_CLEAN_AUTO");
    if (value == nullptr) return false;
    std::string word(value);
    std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word == "false" || word == "0" || word == "no" || word == "off";
}

bool asks_a_person(const JobFile* file, const std::string& host) {
    if (file == nullptr) return false;
    auto table = file->hosts.find(host);
    return table != file->hosts.end() && table->second.password.type == SecretSource::Type::terminal;
}

std::string own_program() {
    char path[PATH_MAX];
    ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
    return size > 0 && size < static_cast<ssize_t>(sizeof path) ? std::string(path, static_cast<size_t>(size)) : "";
}

/// Between fork and exec, where only plain system calls are safe.
[[noreturn]] void become(const char* program, char* const* arguments) {
    ::setsid();
    int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; ++fd) ::dup2(null, fd);
    ::close_range(3, ~0u, 0);
    ::execv(program, arguments);
    ::_exit(127);
}

}  // namespace

std::optional<std::string> host_to_clean_after(const Job& job, const JobFile* file, Workbench& workbench) {
    if (job.remote.type != Destination::Type::ssh || is_switched_off()) return std::nullopt;
    SshHosts& hosts = workbench.ssh_hosts();
    std::shared_ptr<SshHost> host = hosts.host(job.remote.name);
    std::string directory = remote_directory(hosts, *host, job.remote, job.root);
    std::string root = normal_remote_directory(host->remote_root()) + "/";
    bool is_project = directory.starts_with(root) && parse_project_directory(directory.substr(root.size()));
    if (!is_project || !policy_of(job).automatic) return std::nullopt;
    if (asks_a_person(file, job.remote.name) || workbench.asked_the_user()) return std::nullopt;
    return job.remote.name;
}

/// A record from the future, of a clock that was set, holds nothing up.
bool is_clean_due(Store& store, const std::string& host) {
    TimeNs now = wall_clock_now();
    return std::ranges::none_of(store.cleans(), [&](const CleanRecord& clean) {
        return clean.host == host && clean.at <= now && clean.at > now - hour;
    });
}

void clean_after(const Session& session, const std::optional<JobFile>& file, const Job& job, Workbench& workbench) {
    std::optional<std::string> host = host_to_clean_after(job, file ? &*file : nullptr, workbench);
    if (host && is_clean_due(workbench.context().store, *host)) start_background_clean(session, {*host});
}

void start_background_clean(const Session& session, const std::set<std::string>& hosts) {
    std::string program = own_program();
    if (program.empty()) return;
    std::vector<std::string> words{"syncline", "clean", "--auto", "--background", "--quiet"};
    for (const std::string& host : hosts) words.insert(words.end(), {"--host", host});
    std::optional<JobFilePath> place = locate_job_file(session, session.line.command == Command::apply);
    if (place && place->was_named) words.insert(words.end(), {"--file", place->path});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    if (::fork() == 0) become(program.c_str(), arguments.data());
}

void CleanKeeper::ran(const std::string& job) {
    auto found = std::ranges::find(file_.jobs, job, &Job::name);
    if (found == file_.jobs.end()) return;
    std::optional<std::string> host = host_to_clean_after(*found, &file_, workbench_);
    if (!host) return;
    waiting_.insert(*host);
    if (changed_) changed_->notify();
}

Task<void> CleanKeeper::serve() {
    changed_.emplace(co_await asio::this_coro::executor);
    while (true) {
        while (!waiting_.empty()) {
            std::string host = *waiting_.begin();
            waiting_.erase(waiting_.begin());
            try {
                if (is_clean_due(workbench_.context().store, host)) co_await clean(host);
            } catch (const Error& error) {
                session_.output.warning("cleaning " + escape(host) + ": " + error.what());
            }
            workbench_.cleaned();
        }
        co_await changed_->wait();
    }
}

void CleanKeeper::leave_to_background() {
    std::erase_if(waiting_, [&](const std::string& host) { return !is_clean_due(workbench_.context().store, host); });
    if (!waiting_.empty()) start_background_clean(session_, waiting_);
}

Task<void> CleanKeeper::clean(std::string host) {
    std::optional<FileLock> lock = begin_engine_clean(workbench_.context().state_directory);
    if (!lock) co_return;
    CleanRequest request;
    request.scope = CleanScope::automatic;
    request.is_by_itself = true;
    JobFile file = file_;  // It may be edited meanwhile.
    HostClean clean(workbench_, &file, host, std::move(request));
    co_await clean.plan();
    co_await clean.carry_out();
    const CleanReport& report = clean.report();
    bool did_something = report.removed() > 0 || report.leftovers > 0 || !report.problems.empty();
    if (did_something || session_.line.verbose) session_.output.cleaned(report);
}

}  // namespace syncline::cli
