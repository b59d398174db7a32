#include "engine/job_watch.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <chrono>
#include <utility>

#include "async/first_of.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

constexpr Duration quiet_time = std::chrono::milliseconds(50);
constexpr Duration most_gathering = std::chrono::seconds(1);
/// A watcher that breaks again and again must not keep the machine busy.
constexpr Duration pause_before_anew = std::chrono::milliseconds(100);
constexpr Duration look_for_root = std::chrono::seconds(1);
/// While no watcher can be had, and the job has no interval of its own.
constexpr Duration fallback_interval = std::chrono::seconds(60);
constexpr Duration first_retry = std::chrono::seconds(5);
constexpr unsigned most_doublings = 7;  // ten minutes

TimeNs in_ns(Duration duration) { return std::chrono::nanoseconds(duration).count(); }

}  // namespace

JobWatch::JobWatch(const asio::any_io_executor& executor, const Job& job, WatchFunction make, Clock& clock, Calls calls)
    : job_(job), make_(std::move(make)), clock_(clock), calls_(std::move(calls)), stop_(executor), failed_(executor) {}

Task<void> JobWatch::serve(std::shared_ptr<JobWatch> watch) {
    auto following = watch->follow_all();
    auto stopped = watch->stop_.wait();
    auto either = first_of(std::move(following), std::move(stopped));
    co_await std::move(either);
}

void JobWatch::stop() { stop_.notify(); }

Task<void> JobWatch::follow_all() {
    auto one = follow();
    auto other = bring_back_what_failed();
    auto both = first_of(std::move(one), std::move(other));
    co_await std::move(both);
}

Task<void> JobWatch::follow() {
    while (true) {
        auto one = follow_one();
        co_await std::move(one);
        auto pause = be_patient();
        co_await std::move(pause);
    }
}

/// From the making of a watcher to its end.
Task<void> JobWatch::follow_one() {
    watch_ = make_(job_);
    auto start = watch_->start();
    co_await std::move(start);
    stands_ = !watch_->is_broken();
    if (stands_) {
        gave_up_ = false;
        changes_.add_everything();
        tell();
        calls_.due();
    }
    while (!watch_->is_broken()) {
        auto happening = watch_->happened();
        co_await std::move(happening);
        auto rest = gather();
        co_await std::move(rest);
        if (watch_->is_broken()) break;
        tell();
        if (watch_->pending() > 0) calls_.due();
    }
    broke();
}

/// Until the tree is quiet, but not for ever.
Task<void> JobWatch::gather() {
    TimeNs end = clock_.steady_now() + in_ns(most_gathering);
    while (!watch_->is_broken() && clock_.steady_now() < end) {
        auto happening = happens_before(std::min(end, clock_.steady_now() + in_ns(quiet_time)));
        bool happens = co_await std::move(happening);
        if (!happens) co_return;
    }
}

Task<void> JobWatch::note_happening() {
    auto happening = watch_->happened();
    co_await std::move(happening);
    happened_ = true;
}

Task<bool> JobWatch::happens_before(TimeNs deadline) {
    happened_ = false;
    while (!happened_ && clock_.steady_now() < deadline) {
        auto happening = note_happening();
        auto time = clock_.sleep_until(deadline);
        auto either = first_of(std::move(happening), std::move(time));
        co_await std::move(either);
    }
    co_return happened_;
}

/// What happened since the last run is not known any more.
void JobWatch::broke() {
    stands_ = false;
    changes_.add_everything();
    if (watch_->has_overflowed()) state_.overflowed = true;
    std::string trouble = watch_->trouble();
    bool waits = watch_->wants_patience() && !watch_->is_root_gone();
    if (!trouble.empty() && trouble != warned_) {
        std::string instead = !waits          ? ""
                              : job_.interval ? "; until then the job runs by its interval"
                                              : "; until then the job runs every " + format_duration(fallback_interval);
        calls_.warn(escape(job_.name) + ": " + trouble + instead);
    }
    warned_ = trouble;
    tell();
    // With a watcher to come at once, the run waits for that: what it looks at must be watched by then.
    bool falls_back = waits && !job_.interval;
    bool wants_run = watch_->wants_patience() && (!gave_up_ || falls_back);
    gave_up_ = watch_->wants_patience();
    if (wants_run) calls_.due();
}

Task<void> JobWatch::be_patient() {
    if (!watch_->wants_patience()) return sleep(pause_before_anew);
    return sleep(watch_->is_root_gone() ? look_for_root : fallback_interval);
}

Task<void> JobWatch::sleep(Duration duration) {
    TimeNs until = clock_.steady_now() + in_ns(duration);
    while (clock_.steady_now() < until) co_await clock_.sleep_until(until);
}

Task<void> JobWatch::begin_run(RunOptions& options, bool whole) {
    in_use_ = watch_;
    bool is_live = false;
    if (stands_ && in_use_) {
        auto proof = in_use_->prove();
        is_live = co_await std::move(proof);
    }
    if (is_live) changes_.add(in_use_->take());
    // A run that nobody announced was asked for by a person or a time.
    if (whole || !is_live || changes_.empty()) changes_.add_everything();
    in_hand_ = std::exchange(changes_, {});
    options.watch = is_live ? in_use_.get() : nullptr;
    if (!in_hand_.everything()) {
        options.paths = in_hand_.paths();
        options.follows_watch = true;
    }
    tell();
}

void JobWatch::end_run(const RunReport& report, bool was_locked) {
    ChangeSet looked_at = std::exchange(in_hand_, {});
    in_use_.reset();
    if (was_locked) {
        changes_.add(looked_at);
    } else if (report.outcome == Outcome::success) {
        if (looked_at.everything()) state_.overflowed = false;
        if (later_.empty()) failures_ = 0;
    } else if (report.outcome == Outcome::partial) {
        if (looked_at.everything()) state_.overflowed = false;
        later_.add(looked_at);
        failed_.notify();
    } else {
        changes_.add_everything();
    }
    tell();
}

/// What could not be done stays due, though nothing changes any more. The rest need not wait for it.
Task<void> JobWatch::bring_back_what_failed() {
    while (true) {
        co_await failed_.wait();
        auto pause = sleep(first_retry * (1u << std::min(failures_++, most_doublings)));
        co_await std::move(pause);
        changes_.add(std::exchange(later_, {}));
        calls_.due();
    }
}

void JobWatch::tell() {
    WatchState now = state_;
    now.active = stands_;
    now.trouble = watch_ ? watch_->trouble() : "";
    now.pending = changes_.size() + (watch_ && stands_ ? watch_->pending() : 0);
    if (now == state_) return;
    state_ = now;
    calls_.tell(state_);
}

}  // namespace syncline
