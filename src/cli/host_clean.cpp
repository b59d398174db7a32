#include "cli/host_clean.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/project_name.hpp"
#include "endpoint/ssh.hpp"
#include "endpoint/ssh_root.hpp"
#include "state/lock.hpp"

namespace syncline::cli {
namespace {

constexpr Duration lock_patience = std::chrono::seconds(15);
constexpr TimeNs day = 24 * 3600 * ns_per_second;

QuotaSource quota_source_of(const JobFile* file, const std::string& host) {
    QuotaSource source;
    if (file == nullptr) return source;
    auto table = file->hosts.find(host);
    if (table == file->hosts.end()) return source;
    if (table->second.quota_source == "filesystem") source.type = QuotaSource::Type::file_system;
    if (table->second.quota_source == "command") source.type = QuotaSource::Type::command;
    source.command = table->second.quota_command;
    return source;
}

/// A lock that was never made is held by nobody. The caller holds the lock of all uses.
bool is_in_use(const std::string& state_directory, const std::string& name) {
    std::string path = use_lock_path(state_directory, name), holder;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return false;
    return !FileLock::try_acquire(path, holder);
}

}  // namespace

CleanPolicy policy_of(const Job& job) { return job.clean.value_or(CleanPolicy()); }

CleanPolicy unclaimed_policy(const JobFile* file, const std::string& host) {
    if (file == nullptr) return {};
    auto table = file->hosts.find(host);
    if (table != file->hosts.end() && table->second.clean) return *table->second.clean;
    if (file->defaults.clean) return *file->defaults.clean;
    std::optional<CleanPolicy> longest;
    for (const Job& job : file->jobs) {
        if (job.remote.type != Destination::Type::ssh || job.remote.name != host) continue;
        CleanPolicy policy = policy_of(job);
        if (!longest || policy.max_age > longest->max_age) longest = policy;
    }
    return longest.value_or(CleanPolicy());
}

HostClean::HostClean(Workbench& workbench, const JobFile* file, const std::string& host, CleanRequest request)
    : workbench_(workbench),
      file_(file),
      host_(workbench.ssh_hosts().host(host)),
      request_(std::move(request)),
      cleaner_(host_, quota_source_of(file, host)),
      root_(normal_remote_directory(host_->remote_root())) {
    report_.host = host;
    report_.root = root_;
    report_.is_dry_run = request_.is_dry_run;
}

HostIdentity HostClean::identity() const {
    return {host_->name(), settings_->user, settings_->hostname, settings_->port, host_->host_key()};
}

Task<void> HostClean::plan() {
    std::string error;
    try {
        co_await make_plan();
        co_return;
    } catch (const Error& failure) {
        error = failure.what();
        if (!request_.is_dry_run && settings_ != nullptr) record(error);
        throw;
    }
}

Task<void> HostClean::make_plan() {
    settings_ = co_await host_->settings();
    for (CleanRecord& clean : workbench_.context().store.cleans()) {
        bool is_ours = clean.host == host_->name() && clean.user == settings_->user;
        if (is_ours) report_.last_clean = std::move(clean);
    }
    survey_ = co_await cleaner_.survey();
    report_.quota_before = survey_.quota;
    report_.quota_after = survey_.quota;
    report_.leftovers = survey_.leftovers.size();
    facts_.scope = request_.scope;
    facts_.is_by_itself = request_.is_by_itself;
    facts_.is_confirmed = request_.is_confirmed;
    facts_.client = workbench_.ssh_hosts().client();
    facts_.chosen = request_.chosen;
    facts_.chosen_job = request_.chosen_job;
    facts_.found = survey_.found;
    facts_.quota = survey_.quota;
    facts_.server_now = survey_.now;
    gather_claims();
    {
        FileLock uses = FileLock::acquire(uses_lock_path(workbench_.context().state_directory), lock_patience);
        gather_records();
        find_uses();
    }
    decide();
    co_await look_through();
}

void HostClean::gather_records() {
    facts_.recorded.clear();
    records_.clear();
    facts_.now = wall_clock_now();
    const HostIdentity now = identity();
    for (RemoteDirectory& each : workbench_.context().store.remote_directories()) {
        std::string name(last_name(each.path));
        bool is_of_host = is_same_host(each.host, now) && each.path == root_ + "/" + name;
        facts_.recorded.push_back({name, each.last_used_at, is_of_host});
        if (is_of_host) records_.push_back(std::move(each));
    }
}

void HostClean::gather_claims() {
    facts_.unclaimed = unclaimed_policy(file_, host_->name());
    if (file_ == nullptr) return;
    for (const Job& job : file_->jobs) {
        if (job.remote.type != Destination::Type::ssh || job.remote.name != host_->name()) continue;
        std::string directory = remote_directory(workbench_.ssh_hosts(), *host_, job.remote, job.root);
        if (directory.starts_with(root_ + "/"))
            facts_.claims.push_back({directory.substr(root_.size() + 1), job.name, policy_of(job)});
    }
}

/// The caller holds the lock of all uses.
void HostClean::find_uses() {
    facts_.in_use.clear();
    for (const FoundDirectory& found : facts_.found) {
        bool is_used =
            parse_project_directory(found.name) && is_in_use(workbench_.context().state_directory, found.name);
        if (is_used) facts_.in_use.insert(found.name);
    }
}

void HostClean::decide() {
    report_.directories.clear();
    for (CleanDecision& decision : decide_retention(facts_)) {
        CleanedDirectory directory;
        directory.name = facts_.found[decision.found].name;
        directory.decision = std::move(decision);
        report_.directories.push_back(std::move(directory));
    }
}

std::vector<CleanItem> HostClean::items_to_go() const {
    std::vector<CleanItem> items;
    for (const CleanedDirectory& directory : report_.directories) {
        if (!directory.decision.removes) continue;
        const FoundDirectory& found = facts_.found[directory.decision.found];
        items.push_back({found.name, found.device, found.inode, directory.decision.limit});
    }
    return items;
}

/// What looks old from outside may be young inside.
Task<void> HostClean::look_through() {
    std::vector<CleanItem> items = items_to_go();
    std::erase_if(items, [](const CleanItem& item) { return item.age == Duration{0}; });
    std::vector<CleanAnswer> answers = co_await cleaner_.look(std::move(items));
    if (answers.empty()) co_return;
    for (const CleanAnswer& answer : answers) {
        auto found = std::ranges::find(facts_.found, answer.name, &FoundDirectory::name);
        if (found == facts_.found.end()) continue;
        if (answer.what == "young") found->newest = *facts_.server_now;
        if (answer.what == "unreadable") found->cannot_be_read = true;
    }
    decide();
}

Task<void> HostClean::carry_out() {
    std::string error;
    std::exception_ptr failure;
    try {
        co_await remove_planned();
    } catch (const Error& thrown) {
        error = thrown.what();
        failure = std::current_exception();
    } catch (...) {
        error = "it was stopped";
        failure = std::current_exception();
    }
    record(error);
    if (failure) std::rethrow_exception(failure);
}

Task<void> HostClean::remove_planned() {
    co_await take_away();
    bool has_work = report_.removed() > 0 || report_.leftovers > 0;
    if (!has_work) co_return;
    RemovalOutcome outcome = co_await cleaner_.remove();
    report_.bytes_freed = outcome.bytes_freed;
    report_.quota_after = outcome.quota;
    for (const std::string& name : outcome.left) {
        report_.problems.push_back(escape(host_->name() + ":" + root_ + "/" + name) +
                                   " could not be removed whole: " + outcome.why + "; the next clean tries again");
    }
}

/// Nobody begins to use a directory while those are put aside that nobody uses.
Task<void> HostClean::take_away() {
    FileLock uses = FileLock::acquire(uses_lock_path(workbench_.context().state_directory), lock_patience);
    gather_records();
    find_uses();
    std::vector<CleanDecision> now = decide_retention(facts_);
    for (CleanedDirectory& directory : report_.directories) {
        if (directory.decision.removes) directory.decision = now[directory.decision.found];
    }
    std::vector<CleanItem> items = items_to_go();
    if (items.empty()) co_return;
    std::vector<CleanAnswer> answers = co_await cleaner_.take(std::move(items));
    for (const CleanAnswer& answer : answers) {
        auto directory = std::ranges::find(report_.directories, answer.name, &CleanedDirectory::name);
        if (directory == report_.directories.end()) continue;
        directory->is_gone = answer.what == "taken" || answer.what == "gone";
        if (directory->is_gone) continue;
        bool failed = answer.what.starts_with("failed: ");
        directory->failure = failed                        ? escape(answer.what.substr(8))
                             : answer.what == "unreadable" ? "it cannot be looked through"
                             : answer.what == "busy"       ? "a process on the server works in it"
                             : answer.what == "foreign"    ? "it belongs to another user of the server"
                                                           : "it changed since it was looked at";
        if (failed)
            report_.problems.push_back(escape(host_->name() + ":" + root_ + "/" + directory->name) +
                                       " could not be removed: " + directory->failure);
    }
    forget_gone();
}

/// What went, and what somebody else removed long ago.
void HostClean::forget_gone() {
    std::vector<RemoteDirectory> gone;
    for (RemoteDirectory& each : records_) {
        auto directory = std::ranges::find(report_.directories, last_name(each.path), &CleanedDirectory::name);
        bool is_missing = directory == report_.directories.end();
        bool is_old = each.last_used_at < facts_.now - day;
        if (is_missing ? is_old : directory->is_gone) gone.push_back(std::move(each));
    }
    workbench_.context().store.forget_remote_directories(gone);
}

void HostClean::record(const std::string& error) {
    CleanRecord clean;
    clean.host = host_->name();
    clean.user = settings_->user;
    clean.at = wall_clock_now();
    clean.removed = report_.removed();
    clean.kept = report_.kept();
    clean.bytes_freed = report_.bytes_freed;
    clean.quota_before = syncline::describe(report_.quota_before);
    clean.quota_after = syncline::describe(report_.quota_after);
    clean.error = error;
    workbench_.context().store.record_clean(clean);
}

}  // namespace syncline::cli
