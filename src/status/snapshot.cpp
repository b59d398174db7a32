#include "status/snapshot.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace syncline::status {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& value) { return value.dump(-1, ' ', true); }

Json time_json(std::optional<TimeNs> time) { return time ? Json(format_time(*time)) : Json(nullptr); }

Json error_json(const std::string& error) { return error.empty() ? Json(nullptr) : Json(utf8_lossy(error)); }

Json to_json(const Run& run) {
    return {{"started_at", format_time(run.started_at)},
            {"finished_at", format_time(run.finished_at)},
            {"duration_ms", std::max<TimeNs>(0, run.finished_at - run.started_at) / 1'000'000},
            {"scanned", run.scanned},
            {"put", run.put},
            {"deleted", run.deleted},
            {"bytes_sent", run.bytes_sent},
            {"outcome", run.outcome}};
}

Json to_json(const std::optional<Run>& run) { return run ? to_json(*run) : Json(nullptr); }

Json to_json(const Watch& watch) {
    return {{"active", watch.active}, {"pending", watch.pending}, {"overflowed", watch.overflowed}};
}

Json to_json(const Amounts& progress) {
    return {{"files_done", progress.files_done},
            {"files_total", progress.files_total},
            {"bytes_done", progress.bytes_done},
            {"bytes_total", progress.bytes_total}};
}

/// A watcher's trouble is the job's own.
Json problems_of(const Job& job) {
    Json list = Json::array();
    auto add = [&](const std::string& path, const std::string& why) {
        list.push_back({{"path", utf8_lossy(path)}, {"why", utf8_lossy(why)}});
    };
    if (!job.watch.trouble.empty()) add("", job.watch.trouble);
    for (const Problem& problem : job.problems) add(problem.path, problem.why);
    return list;
}

Json to_json(const std::optional<Halt>& halt) {
    if (!halt) return nullptr;
    return {{"code", halt->codes.front()},
            {"codes", halt->codes},
            {"detail", utf8_lossy(halt->detail)},
            {"resolve", utf8_lossy(halt->resolve)}};
}

Json to_json(const Job& job) {
    return {{"name", utf8_lossy(job.name)},
            {"state", state_name(job.state)},
            {"direction", job.direction},
            {"root", utf8_lossy(job.root)},
            {"remote", utf8_lossy(job.remote)},
            {"generation", job.generation},
            {"next_run_at", time_json(job.next_run_at)},
            {"last_attempt", to_json(job.last_attempt)},
            {"last_success", to_json(job.last_success)},
            {"watch", to_json(job.watch)},
            {"progress", to_json(job.progress)},
            {"problems", problems_of(job)},
            {"halt", to_json(job.halt)}};
}

Json to_json(const Clean& clean) {
    return {{"host", utf8_lossy(clean.host)},
            {"user", utf8_lossy(clean.user)},
            {"at", format_time(clean.at)},
            {"removed", clean.removed},
            {"kept", clean.kept},
            {"bytes_freed", clean.bytes_freed},
            {"quota_before", utf8_lossy(clean.quota_before)},
            {"quota_after", utf8_lossy(clean.quota_after)},
            {"error", error_json(clean.error)}};
}

Json history_json(const Job& job) {
    Json list = Json::array();
    if (!job.history) return list;
    for (const Run& run : *job.history) {
        Json object = to_json(run);
        object["problems"] = run.problems;
        object["detail"] = run.detail.empty() ? Json(nullptr) : Json(utf8_lossy(run.detail));
        list.push_back(std::move(object));
    }
    return list;
}

}  // namespace

std::string_view state_name(JobState state) {
    constexpr std::array<std::string_view, job_states> names{
        "idle", "waiting", "scanning", "planning", "transferring", "paused", "halted", "partial", "failed"};
    return names.at(static_cast<size_t>(state));
}

bool is_trouble(JobState state) {
    return state == JobState::halted || state == JobState::partial || state == JobState::failed;
}

bool is_stale(const Job& job, TimeNs now) {
    if (!job.max_staleness) return false;
    TimeNs since = job.last_success ? job.last_success->finished_at : job.known_since;
    return now - since > std::chrono::nanoseconds(*job.max_staleness).count();
}

const Job* Snapshot::find(std::string_view name) const {
    auto found = std::ranges::find(jobs, name, [](const auto& job) -> std::string_view { return job->name; });
    return found == jobs.end() ? nullptr : found->get();
}

std::string status_json(const Snapshot& snapshot) {
    Json document{{"version", 1},
                  {"pid", snapshot.pid},
                  {"started_at", format_time(snapshot.started_at)},
                  {"job_file", utf8_lossy(snapshot.job_file)},
                  {"job_file_sha256", snapshot.job_file_sha256},
                  {"job_file_error", error_json(snapshot.job_file_error)},
                  {"jobs", Json::array()}};
    for (const auto& job : snapshot.jobs) document["jobs"].push_back(to_json(*job));
    // Where no host was ever cleaned there is nothing to say of it.
    for (const Clean& clean : snapshot.cleans) document["cleans"].push_back(to_json(clean));
    return dump(document);
}

std::string job_json(const Job& job, TimeNs now) {
    Json document{{"version", 1}};
    document.update(to_json(job));
    document["problem_count"] = job.problem_count;
    document["running_since"] = time_json(job.running_since);
    document["max_staleness_ms"] = job.max_staleness ? Json(job.max_staleness->count()) : Json(nullptr);
    document["stale"] = is_stale(job, now);
    document["history"] = history_json(job);
    return dump(document);
}

}  // namespace syncline::status
