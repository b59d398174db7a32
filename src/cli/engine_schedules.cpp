// The desk's part behind `watch` and `auto`: schedules that hold for a job while the engine lives.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/command_line.hpp"
#include "cli/engine_desk.hpp"
#include "cli/exit_status.hpp"
#include "engine/run.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;
using status::error_line;

constexpr Duration default_interval = std::chrono::seconds(60);

std::string dump(const Json& value) { return value.dump(-1, ' ', true) + "\n"; }

std::string done_line(const std::string& message) {
    return dump({{"event", "done"}, {"exit_status", exit_ok}, {"message", utf8_lossy(message)}});
}

bool may_delete(const Job& job) {
    return job.policy.direction == Direction::push ? job.policy.delete_policy != DeletePolicy::never
                                                   : job.policy.pull == PullPolicy::mirror;
}

std::string words_of(const std::vector<Halt>& halts) {
    std::string text;
    for (const Halt& halt : halts) {
        text +=
            (text.empty() ? "" : "; ") + std::string(guard_code(halt.guard)) + ": " + halt.detail + "; " + halt.resolve;
    }
    return text;
}

Task<void> plan_it(std::shared_ptr<const Job> job, RunContext& context, RunReport& report) {
    Progress progress;
    RunOptions options;
    options.plan_only = true;
    auto planning = run_job(*job, std::move(options), context, progress);
    report = co_await std::move(planning);
}

/// What goes here goes in the bucket too, unless the job says what it deletes. Of that a watcher alone can tell.
void delete_as_watched(Job& job) {
    bool is_to_bucket = job.remote.type == Destination::Type::bucket && job.policy.direction == Direction::push;
    bool has_own_policy = job.written.contains("delete") || job.policy.delete_policy != DeletePolicy::never;
    if (!is_to_bucket || has_own_policy) return;
    job.policy.delete_policy = DeletePolicy::synced;
    job.watch = true;
}

/// Takes a job's own times away. Begun anew by this edit, it is not to run at once.
void stop_times(Job& job) {
    job.interval.reset();
    job.at.clear();
    job.on_start = false;
}

}  // namespace

Task<void> EngineDesk::set_schedule(const Request& request, Connection& connection) {
    std::string line;
    try {
        if (request.show) {
            line = schedule_status(request);
        } else if (request.end) {
            line = stop_schedule(request);
        } else {
            auto job = std::make_shared<Job>(control_->job(request.job));
            edit_for(request)(*job);
            std::string reason;
            if (!request.adopt && request.command == "auto") {
                auto asking = reason_against(job);
                reason = co_await std::move(asking);
            }
            // The job file may have been edited meanwhile.
            bool is_there = control_->has_job(request.job);
            line = !is_there         ? error_line(exit_failed, "the job was removed from the job file meanwhile")
                   : !reason.empty() ? error_line(exit_halted, reason)
                                     : start_schedule(request);
        }
    } catch (const Error& error) {
        line = error_line(exit_status(error.code()), error.what());
    }
    auto sending = connection.send(line);
    co_await std::move(sending);
}

std::string EngineDesk::schedule_status(const Request& request) {
    const Job& job = control_->job(request.job);
    JobView view = control_->view(request.job);
    bool is_watch = request.command == "watch";
    Json object{{"event", request.command}, {"exit_status", exit_ok}, {"job", utf8_lossy(request.job)}};
    object["active"] = !view.is_paused && (is_watch ? job.watch : job.interval || !job.at.empty());
    object["paused"] = view.is_paused;
    object["running"] = view.is_running;
    object["interval_ms"] = job.interval ? Json(job.interval->count()) : Json(nullptr);
    object["next_run_at"] = view.next_run_at ? Json(format_time(*view.next_run_at)) : Json(nullptr);
    object["last_outcome"] = view.last ? Json(outcome_name(view.last->report.outcome)) : Json(nullptr);
    object["log"] = Json::array();
    for (const std::string& line : lines_[request.job]) object["log"].push_back(utf8_lossy(line));
    return dump(object);
}

std::string EngineDesk::stop_schedule(const Request& request) {
    bool is_watch = request.command == "watch";
    auto edit = [is_watch](Job& job) {
        if (is_watch) {
            job.watch = false;
            job.on_start = false;
        } else {
            stop_times(job);
        }
    };
    control_->edit(request.job, request.command, edit);
    std::string what = is_watch ? "is watched no longer" : "runs on its schedule no longer";
    return done_line(escape(request.job) + " " + what + ", until 'syncline " + request.command + " " +
                     escape(request.job) + "' or the engine's next start");
}

std::string EngineDesk::start_schedule(const Request& request) {
    control_->edit(request.job, request.command, edit_for(request));
    control_->let_go(request.job);
    if (request.adopt) control_->adopt_once(request.job);
    control_->trigger(request.job);
    const Job& job = control_->job(request.job);
    std::string what = request.command == "watch" ? "is watched from now on"
                                                  : "runs every " + format_duration(job.interval.value_or(Duration{}));
    std::string paused = control_->view(request.job).is_paused ? "; it is paused, 'syncline resume' lets it go on" : "";
    return done_line(escape(request.job) + " " + what + paused);
}

JobEdit EngineDesk::edit_for(const Request& request) const {
    bool is_watch = request.command == "watch";
    std::optional<Duration> interval;
    if (!request.interval.empty()) interval = require_interval(request.interval);
    return [this, request, is_watch, interval](Job& job) {
        if (is_watch) {
            if (job.policy.direction != Direction::push) {
                throw Error(Errc::usage, "only what is pushed can be watched, and " + escape(job.name) + " is a pull");
            }
            job.watch = true;
            return;
        }
        Job changed = resolve(request, job).job;
        job.filter = changed.filter;
        job.remote = changed.remote;
        job.remote_text = changed.remote_text;
        job.policy.delete_policy = changed.policy.delete_policy;
        job.policy.overwrite = changed.policy.overwrite;
        delete_as_watched(job);
        if (interval) {
            job.interval = interval;
        } else if (!job.interval) {
            job.interval = default_interval;
        }
        job.on_start = true;
    };
}

/// The first run of a schedule happens when nobody looks.
Task<std::string> EngineDesk::reason_against(std::shared_ptr<const Job> job) {
    bool is_bucket = job->remote.type == Destination::Type::bucket;
    if (!is_bucket && !may_delete(*job)) co_return "";
    auto asking = was_synced(*job);
    bool is_synced = co_await std::move(asking);
    if (is_synced) co_return "";
    const std::string name = escape(job->name);
    if (is_bucket) {
        co_return name + " has no recorded sync with " + escape(job->remote_text) + "; run 'syncline push " + name +
            "' or 'syncline pull " + name + "' first, or give --adopt when the root is the truth";
    }
    RunReport report;
    auto planning = plan_it(job, workbench_.context(), report);
    co_await std::move(planning);
    auto is_about_baseline = [](const Halt& halt) { return halt.guard == Guard::no_baseline; };
    if (std::ranges::none_of(report.halts, is_about_baseline)) co_return "";
    co_return name + " was not started: " + words_of(report.halts);
}

Task<bool> EngineDesk::was_synced(const Job& job) {
    RunContext& context = workbench_.context();
    bool is_synced = false;
    try {
        auto finding = find_pair_key(job, context.endpoints);
        PairKey key = co_await std::move(finding);
        // A whole pull is a sync too.
        for (Direction direction : {Direction::push, Direction::pull}) {
            key.direction = direction;
            std::optional<PairRecord> record = context.store.find(key);
            is_synced = is_synced || (record && record->whole_sync);
        }
    } catch (const Error&) {
        // The plan will say what is wrong, or the runs.
    }
    co_return is_synced;
}

}  // namespace syncline::cli
