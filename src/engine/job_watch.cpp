#include "engine/job_watch.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <chrono>
#include <optional>
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

bool follows_links(const Job& job) { return job.policy.symlinks == SymlinkPolicy::follow; }

TimeNs in_ns(Duration duration) { return std::chrono::nanoseconds(duration).count(); }

}  // namespace

JobWatch::JobWatch(const asio::any_io_executor& executor, const Job& job, WatchFunction make, Clock& clock, Calls calls)
    : job_(job),
      make_(std::move(make)),
      clock_(clock),
      calls_(std::move(calls)),
      stop_(executor),
      later_(executor),
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
    auto other = bring_back_what_waits();
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
        take_changes();
        tell();
        if (!changes_.empty()) calls_.due();
    }
    broke();
}

/// Until the tree is quiet, but not for ever. What is only written to, and stays open, is no disquiet: that has a time
/// of its own.
Task<void> JobWatch::gather() {
    TimeNs end = clock_.steady_now() + in_ns(most_gathering);
    TimeNs quiet_at = clock_.steady_now() + in_ns(quiet_time);
    while (!watch_->is_broken() && clock_.steady_now() < std::min(end, quiet_at)) {
        auto happening = happens_before(std::min(end, quiet_at));
        bool happens = co_await std::move(happening);
        if (!happens || watch_->is_broken()) co_return;
        if (take_changes()) quiet_at = clock_.steady_now() + in_ns(quiet_time);
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

/// False when files were written to, and nothing else happened.
bool JobWatch::take_changes() {
    ChangeSet told = watch_->take();
    bool is_news = !told.empty();
    gone_.add(told.gone());
    for (const std::string& path : told.paths()) settling_.ended(path);
    for (const std::string& path : told.open()) settling_.written(path, clock_.steady_now());
    if (!told.open().empty()) later_.notify();
    told.clear_open();
    changes_.add(told);
    return is_news;
}

/// What happened since the last run is not known any more.
void JobWatch::broke() {
    stands_ = false;
    // Other rules are no reason to forget what was seen before; a gap of which nobody knows what was in it is.
    bool are_rules = !watch_->has_overflowed() && !watch_->wants_patience();
    if (are_rules) {
        take_changes();
    } else {
        gone_.clear();
    }
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
    if (std::exchange(is_hurried_, false)) {
        for (const std::string& path : settling_.take_all(clock_.steady_now())) changes_.add(path);
    }
    // A run that nobody announced was asked for by a person or a time.
    if (whole || !is_live || changes_.empty() || follows_links(job_)) changes_.add_everything();
    in_hand_ = std::exchange(changes_, {});
    options.watch = is_live ? in_use_.get() : nullptr;
    options.gone = gone_;
    options.unproven = in_hand_.unproven();
    if (!in_hand_.everything()) {
        options.paths = in_hand_.paths();
        options.inodes = {in_hand_.inodes().begin(), in_hand_.inodes().end()};
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
    } else if (report.outcome == Outcome::success || report.outcome == Outcome::partial) {
        if (looked_at.everything()) all_is_seen();
        std::vector<std::string> scope = looked_at.paths();
        if (looked_at.everything()) scope = {""};
        parked_.run_ended(scope, to_be_parked(report), clock_.steady_now());
        later_.notify();
    } else {
        changes_.add(looked_at);
        changes_.add_everything();
    }
    tell();
}

/// By paths that a run can look at: where an ignore file could not be read, nothing in its directory was done.
std::vector<Problem> JobWatch::to_be_parked(const RunReport& report) const {
    std::vector<Problem> problems = report.problems;
    for (Problem& problem : problems) {
        bool is_rule_file = std::ranges::find(job_.ignore_files, last_name(problem.path)) != job_.ignore_files.end();
        if (!is_valid_path(problem.path)) problem.path.clear();
        if (is_rule_file) problem.path = parent_path(problem.path);
    }
    return problems;
}

void JobWatch::all_is_seen() {
    bool is_over = std::exchange(state_.overflowed, false) && stands_;
    if (is_over) warned_.clear();  // The next loss is another one.
}

/// What could not be done stays due, though nothing changes any more, and so does what was not looked at since it was
/// written last. The rest need not wait for either.
Task<void> JobWatch::bring_back_what_waits() {
    while (true) {
        std::optional<TimeNs> still = settling_.wake_at(), again = parked_.wake_at();
        auto news = later_.wait();
        if (still || again) {
            auto time = clock_.sleep_until(std::min(still.value_or(INT64_MAX), again.value_or(INT64_MAX)));
            auto either = first_of(std::move(time), std::move(news));
            co_await std::move(either);
        } else {
            co_await std::move(news);
        }
        std::vector<std::string> due = settling_.take_due(clock_.steady_now());
        for (std::string& path : parked_.take_due(clock_.steady_now())) due.push_back(std::move(path));
        if (due.empty()) continue;
        for (const std::string& path : due) changes_.add(path);
        tell();
        calls_.due();
    }
}

void JobWatch::tell() {
    WatchState now = state_;
    now.active = stands_;
    now.trouble = trouble();
    now.pending = changes_.size() + settling_.size() + (watch_ && stands_ ? watch_->pending() : 0);
    now.parked = parked_.problems();
    if (now == state_) return;
    state_ = now;
    calls_.tell(state_);
}

}  // namespace syncline
