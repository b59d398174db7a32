#include "engine/service.hpp"

#include <algorithm>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>
#include <csignal>
#include <utility>

#include "async/first_of.hpp"
#include "base/assert.hpp"
#include "engine/file_watch.hpp"

namespace syncline {
namespace {

JobTimes times_of(const Job& job) {
    JobTimes times;
    times.name = job.name;
    times.interval = job.interval;
    for (const AtTime& at : job.at) times.at.push_back({at.weekday, at.hour, at.minute});
    times.watch = job.watch;
    times.on_start = job.on_start;
    times.jitter = job.jitter;
    return times;
}

}  // namespace

void keep_jobs_named(JobFile& file, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::erase_if(file.jobs, [&](const Job& job) { return std::ranges::find(names, job.name) == names.end(); });
}

Service::Service(const asio::any_io_executor& executor, JobFile file, EngineOptions options, EngineParts& parts,
                 EngineObserver& observer)
    : executor_(executor),
      file_(std::move(file)),
      options_(std::move(options)),
      parts_(parts),
      observer_(observer),
      dice_(options_.seed),
      schedule_(file_.engine.max_parallel_jobs, parts.zone, [this] { return dice_(); }),
      changed_(executor),
      watches_(executor, parts.watch, parts.clock, watch_calls()),
      control_(*this) {
    keep_jobs_named(file_, options_.only_jobs);
    control_.take_file(file_);
    for (const Job& job : file_.jobs) {
        if (options_.adopt) adopts_.insert(job.name);
    }
}

Moment Service::now() const { return {parts_.clock.wall_now(), parts_.clock.steady_now()}; }

Task<void> Service::serve() {
    auto body = [this](Nursery& nursery) {
        nursery_ = &nursery;
        // First of all the job file: many jobs may use up what the kernel has to give.
        nursery.spawn(follow_file());
        for (const Job& job : file_.jobs) set_job(job);
        nursery.spawn(follow_hangups());
        if (parts_.companion) nursery.spawn(accompany());
        return start_due_jobs();
    };
    co_await with_nursery(body);
}

/// What goes along with the engine is no part of its work: when it fails, the jobs go on.
Task<void> Service::accompany() {
    try {
        auto companion = parts_.companion(control_);
        co_await std::move(companion);
    } catch (const Error& error) {
        observer_.warning(error.what());
    }
}

Task<void> Service::start_due_jobs() {
    while (true) {
        for (auto& name : schedule_.take_due(now())) {
            control_.run_begun(name);
            nursery_->spawn(run(job_for_run(name), options_.run, true, {}));
        }
        co_await wait_for_change();
    }
}

/// Returns when take_due has to be asked again.
Task<void> Service::wait_for_change() {
    Moment moment = now();
    observer_.scheduled(schedule_, moment);
    auto wake_at = schedule_.wake_at(moment);
    if (!wake_at) {
        observer_.waiting(std::nullopt);
        co_await changed_.wait();
        co_return;
    }
    observer_.waiting(moment.wall + (*wake_at - moment.steady));
    auto time = parts_.clock.sleep_until(*wake_at);
    auto change = changed_.wait();
    auto either = first_of(std::move(time), std::move(change));
    co_await std::move(either);
}

Task<void> Service::run(std::shared_ptr<const Job> job, RunOptions options, bool is_regular,
                        std::shared_ptr<AskedRun> asked) {
    const std::string name = job->name;
    JobRun run(executor_, job, parts_.run, parts_.clock);
    // A run that does something else than one on schedule leaves what changed to the next.
    std::shared_ptr<JobWatch> watch = is_regular ? watches_.find(name) : nullptr;
    std::shared_ptr<SourceWatch> witness;
    runs_[name] = &run;
    observer_.run_started(*job, run.progress());
    if (asked) asked->begin(run.progress());
    std::exception_ptr failure;
    try {
        if (watch) {
            auto beginning = watch->begin_run(options, asked != nullptr || schedule_.was_timed(name));
            co_await std::move(beginning);
        } else if (auto other = watches_.find(name)) {
            auto asking = other->witness(options);
            witness = co_await std::move(asking);
        }
        auto whole = run.run(std::move(options));
        co_await std::move(whole);
    } catch (...) {
        failure = std::current_exception();
    }
    runs_.erase(name);
    if (watch) watch->end_run(run.report(), run.was_locked());
    if (run.was_locked()) {
        observer_.run_locked(*job, run.report().error);
    } else {
        if (is_regular) adopts_.erase(name);
        observer_.run_finished(run.report());
    }
    if (is_regular) {
        schedule_.finished(name, run.end(), now());
    } else {
        schedule_.set_aside(name);
    }
    auto ending = std::make_shared<const RunEnding>(RunEnding{run.report(), run.was_locked()});
    if (asked) asked->end(ending);
    control_.run_ended(name, ending);
    changed_.notify();
    if (failure) std::rethrow_exception(failure);
}

/// A copy of its own: the job may be edited while it runs.
std::shared_ptr<const Job> Service::job_for_run(const std::string& name) {
    auto found = std::ranges::find(file_.jobs, name, &Job::name);
    SYNCLINE_ASSERT(found != file_.jobs.end());
    auto job = std::make_shared<Job>(*found);
    if (adopts_.contains(name)) job->policy.adopt = true;
    return job;
}

Task<void> Service::follow_hangups() {
    asio::signal_set hangups(executor_, SIGHUP);
    while (true) {
        auto hangup = hangups.async_wait(asio::use_awaitable);
        co_await std::move(hangup);
        reload(true);
    }
}

Task<void> Service::follow_file() {
    FileWatch watch(executor_, file_.path);
    if (!watch.trouble().empty())
        observer_.warning(watch.trouble() + "; the job file is looked at every other second instead");
    reload();  // It may have been edited between its first reading and the watch.
    while (true) {
        auto change = watch.changed();
        co_await std::move(change);
        reload();
    }
}

void Service::reload(bool was_asked) {
    ParseOutcome outcome;
    try {
        outcome = parts_.load();
    } catch (const Error& error) {
        outcome.errors = {{file_.shown_path, 0, 0, error.what()}};
    }
    if (!outcome.file) {
        if (was_asked || outcome.errors != told_errors_) observer_.reload_failed(outcome.errors);
        told_errors_ = std::move(outcome.errors);
        return;
    }
    bool was_wrong = !std::exchange(told_errors_, {}).empty();
    if (outcome.file->sha256 == file_.sha256) {
        if (was_asked || was_wrong) observer_.reloaded({}, file_);
        return;
    }
    keep_jobs_named(*outcome.file, options_.only_jobs);
    take_up(std::move(*outcome.file));
}

void Service::take_up(JobFile file) {
    control_.take_file(file);
    JobChanges changes = compare_jobs(file_.jobs, file.jobs);
    file_ = std::move(file);
    schedule_.set_max_parallel(file_.engine.max_parallel_jobs);
    for (const auto& name : changes.removed) {
        schedule_.remove(name);
        watches_.remove(name);
        adopts_.erase(name);
        stop_run(name, "stopped: the job was removed from the job file");
        control_.wake(name);
    }
    for (const auto& name : changes.moved) {
        adopts_.erase(name);  // It was given for another place.
        stop_run(name, "stopped: the job's root or destination was edited");
    }
    for (const auto* names : {&changes.moved, &changes.edited, &changes.added}) set_times(*names);
    observer_.reloaded(changes, file_);
    changed_.notify();
}

/// A watched job runs first when its watcher stands: what came before is looked at by then, and what comes after is
/// seen.
void Service::set_job(const Job& job) {
    JobTimes times = times_of(job);
    if (watches_.wants(job)) times.on_start = false;
    schedule_.set(times, now());
    watches_.set(job, *nursery_);
}

JobWatches::Calls Service::watch_calls() {
    JobWatches::Calls calls;
    calls.due = [this](const std::string& name) {
        schedule_.trigger(name, now());
        changed_.notify();
    };
    calls.tell = [this](const std::string& name, const WatchState& state) { observer_.watch_changed(name, state); };
    calls.warn = [this](const std::string& message) { observer_.warning(message); };
    return calls;
}

void Service::set_times(const std::vector<std::string>& names) {
    for (const auto& name : names) {
        auto job = std::ranges::find(file_.jobs, name, &Job::name);
        set_job(*job);
    }
}

void Service::stop_run(const std::string& name, const std::string& reason) {
    auto found = runs_.find(name);
    if (found != runs_.end()) found->second->stop(reason);
}

}  // namespace syncline
