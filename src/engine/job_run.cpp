#include "engine/job_run.hpp"

#include <utility>

#include "async/cancel.hpp"
#include "async/first_of.hpp"
#include "base/text.hpp"

namespace syncline {

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
    ended_ = true;
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
