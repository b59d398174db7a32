#include "engine/reload.hpp"

#include <algorithm>
#include <tuple>

#include "base/text.hpp"

namespace syncline {
namespace {

/// Names in a message; an edit of [defaults] may concern hundreds.
constexpr size_t most_told = 8;

const Job* find_job(const std::vector<Job>& jobs, const std::string& name) {
    auto found = std::ranges::find(jobs, name, &Job::name);
    return found == jobs.end() ? nullptr : &*found;
}

auto place_of(const Job& job) {
    return std::tie(job.root, job.remote.type, job.remote.name, job.remote.path, job.policy.direction);
}

auto policy_of(const Policy& policy) {
    return std::tie(policy.delete_policy, policy.overwrite, policy.pull, policy.pull_spares_changes, policy.permissions,
                    policy.umask, policy.symlinks, policy.delete_excluded, policy.force, policy.adopt,
                    policy.max_delete);
}

auto schedule_of(const Job& job) {
    return std::tie(job.interval, job.at, job.watch, job.on_start, job.jitter, job.timeout, job.max_staleness);
}

auto rest_of(const Job& job) {
    return std::tie(job.ignore_files, job.transfer, job.mountpoint, job.sync_before_run, job.fsync, job.on_success,
                    job.on_failure, job.on_halt, job.hooks_every_run, job.remind, job.filter.include_git);
}

bool same_globs(const std::vector<GlobRule>& a, const std::vector<GlobRule>& b) {
    auto same = [](const GlobRule& x, const GlobRule& y) {
        return x.glob.pattern() == y.glob.pattern() && x.base == y.base;
    };
    return std::ranges::equal(a, b, same);
}

auto clean_of(const CleanPolicy& clean) {
    return std::tie(clean.automatic, clean.max_age, clean.quota_thresholds, clean.min_age);
}

bool same_clean(const std::optional<CleanPolicy>& a, const std::optional<CleanPolicy>& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    return clean_of(*a) == clean_of(*b);
}

bool same_job(const Job& a, const Job& b) {
    return policy_of(a.policy) == policy_of(b.policy) && schedule_of(a) == schedule_of(b) && rest_of(a) == rest_of(b) &&
           same_globs(a.filter.exclude, b.filter.exclude) && same_globs(a.filter.include, b.filter.include) &&
           same_clean(a.clean, b.clean);
}

void describe_list(std::string& text, const std::string& verb, const std::vector<std::string>& names) {
    if (names.empty()) return;
    if (!text.empty()) text += "; ";
    text += verb;
    size_t told = std::min(names.size(), most_told);
    for (size_t i = 0; i < told; ++i) text += (i == 0 ? " " : ", ") + escape(names[i]);
    if (told < names.size()) text += " and " + std::to_string(names.size() - told) + " more";
}

}  // namespace

JobChanges compare_jobs(const std::vector<Job>& before, const std::vector<Job>& after) {
    JobChanges changes;
    for (const Job& job : before) {
        if (!find_job(after, job.name)) changes.removed.push_back(job.name);
    }
    for (const Job& job : after) {
        const Job* old = find_job(before, job.name);
        if (!old) {
            changes.added.push_back(job.name);
        } else if (place_of(*old) != place_of(job)) {
            changes.moved.push_back(job.name);
        } else if (!same_job(*old, job)) {
            changes.edited.push_back(job.name);
        }
    }
    return changes;
}

std::string describe(const JobChanges& changes) {
    std::string text;
    describe_list(text, "added", changes.added);
    describe_list(text, "edited", changes.edited);
    describe_list(text, "moved", changes.moved);
    describe_list(text, "removed", changes.removed);
    return text.empty() ? "no job changed" : text;
}

}  // namespace syncline
