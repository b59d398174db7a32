#include "engine/job_run.hpp"

#include <random>
#include <utility>

#include "async/cancel.hpp"
#include "async/first_of.hpp"
#include "base/text.hpp"
#include "core/retry.hpp"

namespace syncline {
namespace {

constexpr RetryPolicy reconnect_retry{std::chrono::seconds(2), std::chrono::seconds(30)};
constexpr unsigned most_failed_attempts = 5;

void add(PlanSummary& sum, const PlanSummary& part) {
    sum.put += part.put;
    sum.mkdir += part.mkdir;
    sum.removed += part.removed;
    sum.rmdir += part.rmdir;
    sum.chmod += part.chmod;
    sum.bytes += part.bytes;
}

}  // namespace

JobRun::JobRun(const asio::any_io_executor& executor, std::shared_ptr<const Job> job, const RunFunction& work,
               Clock& clock)
    : job_(std::move(job)), work_(work), clock_(clock), stop_(executor) {
    report_.job = job_->name;
    report_.source = escape(job_->root);
    report_.target = escape(job_->remote_text);
    if (job_->policy.direction == Direction::pull) std::swap(report_.source, report_.target);
    report_.direction = job_->policy.direction;
    report_.started_at = clock.wall_now();
}

Task<void> JobRun::run(RunOptions options) {
    std::exception_ptr failure;
    try {
        auto work = work_to_the_end(std::move(options));
        auto supervision = supervise();
        auto both = first_of(std::move(work), std::move(supervision));
        co_await std::move(both);
    } catch (...) {
        failure = std::current_exception();
    }
    auto state = co_await asio::this_coro::cancellation_state;
    if (is_cancellation(failure) && !is_cancelled(state)) {
        failure = nullptr;
        reason_.text = "the run ended early and does not know why; the next one goes on from here";
        reason_.is_failure = true;
    }
    if (!ended_) {
        if (reason_.text.empty()) reason_.text = "stopped before its end; the next run goes on from here";
        if (lost_connection_) reason_.text += ". The connection had been lost: " + report_.error;
        conclude(reason_.is_failure ? Outcome::failed : Outcome::cancelled, reason_.text);
    }
    if (failure) std::rethrow_exception(failure);
}

void JobRun::stop(std::string reason) {
    if (reason_.text.empty()) reason_.text = std::move(reason);
    stop_.notify();
}

Task<void> JobRun::work_to_the_end(RunOptions options) {
    options.stop = &reason_;
    do {
        if (lost_connection_) co_await pause_before_attempt(options);
        auto work = work_once(options);
        co_await std::move(work);
    } while (wants_another_attempt());
    add(report_.done, done_before_);
    if (lost_connection_)
        report_.notes.push_back({job_->remote_text, "the connection was lost on the way and made anew"});
    ended_ = true;
}

/// A connection that was lost is made anew, and a server that restarts is waited for; one that was never reached is
/// not.
bool JobRun::wants_another_attempt() {
    bool failed = report_.outcome == Outcome::failed && !was_locked_;
    bool is_lost = failed && report_.failure == Errc::lost;
    bool is_still_away = failed && lost_connection_ && report_.failure == Errc::unreachable;
    if (!is_lost && !is_still_away) return false;
    bool brought_something = report_.done.put + report_.done.mkdir + report_.done.removed + report_.done.rmdir > 0;
    failed_attempts_ = brought_something ? 1 : failed_attempts_ + 1;
    if (failed_attempts_ > most_failed_attempts) return false;
    lost_connection_ = true;
    add(done_before_, report_.done);
    return true;
}

Task<void> JobRun::pause_before_attempt(const RunOptions& options) {
    Duration pause = retry_delay(reconnect_retry, failed_attempts_ - 1, std::random_device{}());
    if (options.say) {
        options.say(escape(job_->name) + ": " + report_.error + "; the run goes on with a new connection in " +
                    format_duration(pause));
    }
    TimeNs until = clock_.steady_now() + std::chrono::nanoseconds(pause).count();
    while (clock_.steady_now() < until) co_await clock_.sleep_until(until);
    for (auto* counter : {&progress_.files_done, &progress_.bytes_done, &progress_.entries_scanned}) *counter = 0;
    progress_.phase = RunPhase::scanning;
}

Task<void> JobRun::work_once(RunOptions options) {
    try {
        auto task = work_(*job_, std::move(options), progress_);
        report_ = co_await std::move(task);
    } catch (const std::exception& error) {
        if (is_cancellation(std::current_exception())) throw;
        auto* own = dynamic_cast<const Error*>(&error);
        was_locked_ = own && own->code() == Errc::locked;
        report_.is_usage_error = own && own->code() == Errc::usage;
        conclude(Outcome::failed, error.what());
    }
}

Task<void> JobRun::supervise() {
    if (!job_->timeout) {
        co_await stop_.wait();
        co_return;
    }
    auto told = stop_.wait();
    auto expired = expire(*job_->timeout);
    auto either = first_of(std::move(told), std::move(expired));
    co_await std::move(either);
}

Task<void> JobRun::expire(Duration limit) {
    TimeNs deadline = clock_.steady_now() + std::chrono::nanoseconds(limit).count();
    while (clock_.steady_now() < deadline) co_await clock_.sleep_until(deadline);
    if (!reason_.text.empty()) co_return;
    reason_.is_failure = true;
    reason_.text =
        "timed out after " + format_duration(limit) + "; the next run goes on from here, or set a longer timeout";
}

void JobRun::conclude(Outcome outcome, std::string error) {
    report_.outcome = outcome;
    report_.error = std::move(error);
    report_.finished_at = clock_.wall_now();
}

RunEnd JobRun::end() const {
    switch (report_.outcome) {
        case Outcome::success:
        case Outcome::partial: return RunEnd::done;
        case Outcome::halted: return RunEnd::halted;
        case Outcome::cancelled: return RunEnd::cancelled;
        case Outcome::failed: break;
    }
    // The job itself is wrong: only an edit helps.
    return report_.is_usage_error ? RunEnd::halted : RunEnd::failed;
}

}  // namespace syncline
