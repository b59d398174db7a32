#include "cli/hooks.hpp"

#include <sys/wait.h>

#include <cstring>
#include <utility>

#include "async/cancel.hpp"
#include "base/text.hpp"
#include "cli/hook_process.hpp"
#include "cli/report_json.hpp"

namespace syncline::cli {
namespace {

/// A run that was partly done is a failure to whoever wants to be told of one.
std::string key_for(Outcome outcome) {
    switch (outcome) {
        case Outcome::success: return "on_success";
        case Outcome::partial:
        case Outcome::failed: return "on_failure";
        case Outcome::halted: return "on_halt";
        case Outcome::cancelled: break;
    }
    return "";
}

std::string end_text(const HookEnd& end) {
    if (end.was_out_of_time) return "was ended after 60 s";
    if (WIFSIGNALED(end.status)) return "was ended by signal " + std::to_string(WTERMSIG(end.status));
    return "ended with exit status " + std::to_string(WEXITSTATUS(end.status));
}

Task<void> note_end(Task<void> work, bool& has_ended) {
    co_await std::move(work);
    has_ended = true;
}

}  // namespace

Hooks::Hooks(const std::optional<JobFile>& file, const ParseEnvironment& environment, std::string state_directory,
             Output& output)
    : directory_(environment.current_directory), memory_(std::move(state_directory)), output_(output) {
    if (!file) return;
    job_file_ = file->path;
    directory_ = file->path.substr(0, std::max<size_t>(file->path.rfind('/'), 1));
}

Task<void> Hooks::with_hooks(Task<void> work) {
    bool has_ended = false;
    auto body = [&](Nursery& nursery) {
        nursery_ = &nursery;
        return note_end(std::move(work), has_ended);
    };
    try {
        co_await with_nursery(body);
    } catch (...) {
        bool only_hooks_were_cancelled = has_ended && is_cancellation(std::current_exception());
        if (!only_hooks_were_cancelled) throw;
    }
}

void Hooks::run_finished(const RunReport& report) {
    auto found = jobs_.find(report.job);
    if (found != jobs_.end()) run_ended(found->second, report);
}

void Hooks::run_ended(const Job& job, const RunReport& report) {
    Call call;
    call.key = key_for(report.outcome);
    bool has_hooks = !(job.on_success + job.on_failure + job.on_halt).empty();
    if (!has_hooks || call.key.empty()) return;
    if (call.key == "on_success") call.command = job.on_success;
    if (call.key == "on_failure") call.command = job.on_failure;
    if (call.key == "on_halt") call.command = job.on_halt;
    const TimeNs now = wall_clock_now();
    HookPast past = memory_.recall(job_file_, job.name);
    const bool is_wanted = wants_hook(past, report, job, now) && !call.command.empty();
    const bool is_other = past.outcome != outcome_name(report.outcome);
    if (is_wanted || is_other) {
        past.outcome = outcome_name(report.outcome);
        past.told_at = now;
        memory_.remember(job_file_, job.name, past);
    }
    if (is_wanted) queue(std::move(call), report);
}

void Hooks::queue(Call call, const RunReport& report) {
    call.job = report.job;
    call.outcome = outcome_name(report.outcome);
    call.input = run_finished_event(report, exit_status(report));
    Lane& lane = lanes_[report.job];
    if (lane.next) output_.warning(escape(report.job) + ": a hook still runs, so that of an earlier run is left out");
    lane.next = std::move(call);
    if (!std::exchange(lane.is_busy, true)) nursery_->spawn(run_lane(report.job));
}

Task<void> Hooks::run_lane(std::string job) {
    while (lanes_[job].next) {
        Call call = *std::exchange(lanes_[job].next, std::nullopt);
        auto running = run_call(std::move(call));
        co_await std::move(running);
    }
    lanes_[job].is_busy = false;
}

Task<void> Hooks::run_call(Call call) {
    std::string prefix = escape(call.job) + ": " + call.key + ": ";
    std::string against = reason_against_commands_in(directory_);
    if (!against.empty()) {
        output_.warning(prefix + "not run: " + against);
        co_return;
    }
    HookProcess process;
    process.command = call.command;
    process.directory = directory_;
    process.environment = {{"SYNCLINE_JOB", call.job}, {"SYNCLINE_OUTCOME", call.outcome}};
    process.input = std::move(call.input);
    process.tell = [this, prefix](const std::string& line) { output_.info(prefix + escape(line)); };
    try {
        auto running = run_hook_process(std::move(process));
        HookEnd end = co_await std::move(running);
        std::string text = prefix + "`" + escape(call.command) + "` " + end_text(end);
        bool is_well = !end.was_out_of_time && end.status == 0;
        is_well ? output_.info(text) : output_.warning(text);
    } catch (const std::exception& error) {
        if (is_cancellation(std::current_exception())) throw;
        output_.warning(prefix + error.what());
    }
}

}  // namespace syncline::cli
