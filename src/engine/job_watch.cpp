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
constexpr Duration fallback_interval = std::chrono::seconds(60);  // "every minute" below
constexpr Duration first_retry = std::chrono::seconds(5);
constexpr unsigned most_doublings = 7;  // ten minutes

bool follows_links(const Job& job) { return job.policy.symlinks == SymlinkPolicy::follow; }

TimeNs in_ns(Duration duration) { return std::chrono::nanoseconds(duration).count(); }

}  // namespace

JobWatch::JobWatch(const asio::any_io_executor& executor, const Job& job, WatchFunction make, Clock& clock, Calls calls)
    : job_(job),
      make_(std::move(make)),
      clock_(clock),
      calls_(std::move(calls)),
      stop_(executor),
      failed_(executor),
      never_(executor) {}

Task<void> JobWatch::serve(std::shared_ptr<JobWatch> watch) {
    auto following = watch->follow_all();
    auto stopped = watch->stop_.wait();
    auto either = first_of(std::move(following), std::move(stopped));
    co_await std::move(either);
}

void JobWatch::stop() { stop_.notify(); }

Task<void> JobWatch::follow_all() {
    auto watching = follow();
    auto looking = look_behind_links();
    auto either = first_of(std::move(watching), std::move(looking));
    auto other = bring_back_what_failed();
    auto all = first_of(std::move(either), std::move(other));
    co_await std::move(all);
}

/// What followed symlinks lead to is watched by nobody.
Task<void> JobWatch::look_behind_links() {
    bool has_to = follows_links(job_) && !job_.interval;
    if (!has_to) co_return co_await never_.wait();
    while (true) {
        auto pause = sleep(fallback_interval);
        co_await std::move(pause);
        changes_.add_everything();
        calls_.due();
    }
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
        warn();
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
        // A witness may have taken them meanwhile.
        if (watch_->pending() > 0 || !changes_.empty()) calls_.due();
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

void JobWatch::take_changes() {
    ChangeSet told = watch_->take();
    gone_.add(told.gone());
    changes_.add(told);
}

/// What happened since the last run is not known any more.
void JobWatch::broke() {
    stands_ = false;
    // Other rules are no reason to forget what was seen before; a gap of which nobody knows what was in it is.
    bool are_rules = !watch_->has_overflowed() && !watch_->wants_patience();
    are_rules ? take_changes() : gone_.clear();
    changes_.add_everything();
    if (watch_->has_overflowed()) state_.overflowed = true;
    warn();
    tell();
    // With a watcher to come at once, the run waits for that: what it looks at must be watched by then.
    bool falls_back = lives_by_interval() && !job_.interval;
    bool wants_run = watch_->wants_patience() && (!gave_up_ || falls_back);
    gave_up_ = watch_->wants_patience();
    if (wants_run) calls_.due();
}

/// Once for the same trouble, as it may come back with each watcher.
void JobWatch::warn() {
    std::string trouble = trouble_of_watch();
    bool is_over = trouble.empty() && stands_ && !state_.overflowed;
    if (is_over) warned_.clear();
    if (trouble.empty() || trouble == warned_) return;
    warned_ = trouble;
    calls_.warn(escape(job_.name) + ": " + trouble);
}

/// While no watcher can be had. A root that is gone is no matter of patience alone: nothing can run.
bool JobWatch::lives_by_interval() const { return watch_->wants_patience() && !watch_->is_root_gone(); }

std::string JobWatch::how_often() const { return job_.interval ? "by its interval" : "every minute"; }

/// "", or what happened and what is done instead.
std::string JobWatch::trouble_of_watch() const {
    std::string trouble = watch_->trouble();
    if (!trouble.empty() && lives_by_interval()) trouble += "; until then the job runs " + how_often();
    return trouble;
}

std::string JobWatch::trouble() const {
    std::string trouble = watch_ ? trouble_of_watch() : "";
    if (!trouble.empty()) return trouble;
    if (state_.overflowed) return "changes were lost; nothing is deleted until everything was looked at again";
    if (!follows_links(job_)) return "";
    return "what symlinks lead to is not watched (symlinks = \"follow\"): each run looks at everything, and the job "
           "runs " +
           how_often() + ", too";
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
        is_live = co_await std::move(proof) && in_use_ == watch_;
    }
    if (is_live) take_changes();
    // A run that nobody announced was asked for by a person or a time.
    if (whole || !is_live || changes_.empty() || follows_links(job_)) changes_.add_everything();
    in_hand_ = std::exchange(changes_, {});
    options.watch = is_live ? in_use_.get() : nullptr;
    options.gone = gone_;
    if (!in_hand_.everything()) {
        options.paths = in_hand_.paths();
        options.follows_watch = true;
    }
    tell();
}

Task<std::shared_ptr<SourceWatch>> JobWatch::witness(RunOptions& options) {
    std::shared_ptr<SourceWatch> watch = watch_;
    if (!stands_ || !watch) co_return nullptr;
    auto proof = watch->prove();
    bool is_live = co_await std::move(proof);
    if (!is_live || watch != watch_) co_return nullptr;
    take_changes();
    options.watch = watch.get();
    options.gone = gone_;
    co_return watch;
}

void JobWatch::end_run(const RunReport& report, bool was_locked) {
    ChangeSet looked_at = std::exchange(in_hand_, {});
    in_use_.reset();
    if (was_locked) {
        changes_.add(looked_at);
    } else if (report.outcome == Outcome::success) {
        if (looked_at.everything()) all_is_seen();
        if (later_.empty()) failures_ = 0;
    } else if (report.outcome == Outcome::partial) {
        if (looked_at.everything()) all_is_seen();
        later_.add(looked_at);
        failed_.notify();
    } else {
        changes_.add_everything();
    }
    tell();
}

void JobWatch::all_is_seen() {
    bool is_over = std::exchange(state_.overflowed, false) && stands_;
    if (is_over) warned_.clear();  // The next loss is another one.
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
    now.trouble = trouble();
    now.pending = changes_.size() + (watch_ && stands_ ? watch_->pending() : 0);
    if (now == state_) return;
    state_ = now;
    calls_.tell(state_);
}

}  // namespace syncline
