#include "engine/control.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "engine/service.hpp"

namespace syncline {
namespace {

const std::string hold = "hold";  // beside the commands that edit jobs

/// What is kept of a run once who waited for it has it: not its million actions.
std::shared_ptr<const RunEnding> without_details(const RunEnding& ending) {
    auto kept = std::make_shared<RunEnding>(ending);
    kept->report.actions = {};
    kept->report.paths = {};
    return kept;
}

}  // namespace

int exit_status(const RunEnding& ending) { return ending.was_locked ? locked_exit_status : exit_status(ending.report); }

/// Stands in the list for as long as it lives, however its wait ends.
struct EngineControl::Waiting {
    Waiting(EngineControl& the_owner, std::string name)
        : owner(the_owner), job(std::move(name)), changed(the_owner.service_.executor_) {
        owner.waiting_.insert(this);
    }
    ~Waiting() { owner.waiting_.erase(this); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    EngineControl& owner;
    std::string job;
    Event changed;
};

const JobFile& EngineControl::file() const { return service_.file_; }

bool EngineControl::has_job(const std::string& name) const {
    return std::ranges::find(file().jobs, name, &Job::name) != file().jobs.end();
}

const Job& EngineControl::job(const std::string& name) const {
    auto found = std::ranges::find(file().jobs, name, &Job::name);
    SYNCLINE_ASSERT(found != file().jobs.end());
    return *found;
}

JobView EngineControl::view(const std::string& name) const {
    JobView view;
    Moment now = service_.now();
    view.name = name;
    view.is_paused = service_.schedule_.is_paused(name);
    view.is_asked_for = service_.schedule_.is_asked_for(name, now);
    view.next_run_at = service_.schedule_.next_run_at(name, now);
    auto running = service_.runs_.find(name);
    view.is_running = running != service_.runs_.end();
    if (view.is_running) view.progress = &running->second->progress();
    auto state = states_.find(name);
    if (state == states_.end()) return view;
    view.generation = state->second.begun;
    view.last = state->second.last;
    view.last_success = state->second.last_success;
    return view;
}

bool EngineControl::takes_up(const std::string& sha256) {
    if (file().sha256 != sha256) service_.reload();
    return file().sha256 == sha256;
}

bool EngineControl::take_on(const std::string& name) {
    if (service_.options_.only_jobs.empty()) return false;
    ParseOutcome outcome = service_.parts_.load();
    if (!outcome.file) return false;
    auto found = std::ranges::find(outcome.file->jobs, name, &Job::name);
    if (found == outcome.file->jobs.end()) return false;
    found->on_start = false;
    states_[name].edits[hold] = [](Job& job) {
        job.watch = false;
        job.interval.reset();
        job.at.clear();
    };
    service_.options_.only_jobs.push_back(name);
    keep_jobs_named(*outcome.file, service_.options_.only_jobs);
    service_.take_up(std::move(*outcome.file));
    return true;
}

void EngineControl::let_go(const std::string& name) { edit(name, hold, nullptr); }

void EngineControl::trigger(const std::string& name) {
    if (auto watch = service_.watches_.find(name)) watch->look_at_everything();
    service_.schedule_.trigger(name, service_.now());
    service_.changed_.notify();
}

void EngineControl::pause(const std::string& name) {
    service_.schedule_.set_paused(name, true);
    stop_run(name, "stopped: the job was paused");
    wake(name);
}

void EngineControl::resume(const std::string& name) {
    if (!service_.schedule_.is_paused(name)) return;
    service_.schedule_.set_paused(name, false);
    trigger(name);
}

void EngineControl::stop() { service_.nursery_->cancel(); }

void EngineControl::stop_run(const std::string& name, const std::string& reason) { service_.stop_run(name, reason); }

Task<std::shared_ptr<const RunEnding>> EngineControl::wait(std::string name) {
    // What a watcher has not told yet shows in no schedule.
    if (auto watch = service_.watches_.find(name)) {
        watch->hurry();
        service_.schedule_.trigger(name, service_.now());
        service_.changed_.notify();
    }
    JobView first = view(name);
    uint64_t wanted = first.generation + (first.is_asked_for && !first.is_paused ? 1 : 0);
    while (states_[name].ended < wanted) {
        JobView now = view(name);
        if (now.is_paused && now.generation < wanted) break;  // It may be held for good.
        co_await next_change(name);
        if (!has_job(name)) throw Error(Errc::failed, "the job '" + escape(name) + "' was removed from the job file");
    }
    co_return with_what_is_parked(name);
}

/// What a run before the last could not do is not done yet, however well that one went.
std::shared_ptr<const RunEnding> EngineControl::with_what_is_parked(const std::string& name) {
    std::shared_ptr<const RunEnding> last = states_[name].last;
    auto watch = service_.watches_.find(name);
    if (!last || !watch || exit_status(*last) != 0) return last;
    std::vector<Problem> parked = watch->parked();
    if (parked.empty()) return last;
    auto ending = std::make_shared<RunEnding>(*last);
    ending->report.outcome = Outcome::partial;
    ending->report.problems = std::move(parked);
    return ending;
}

Task<void> EngineControl::next_change(const std::string& name) {
    Waiting waiting(*this, name);
    co_await waiting.changed.wait();
}

std::shared_ptr<AskedRun> EngineControl::run_now(std::shared_ptr<const Job> job, RunOptions options, bool is_regular) {
    auto asked = std::make_shared<AskedRun>(service_.executor_);
    options.say = [asked = std::weak_ptr(asked), inner = options.say](const std::string& message) {
        if (inner) inner(message);
        auto listener = asked.lock();
        if (!listener) return;
        listener->messages_.push_back(message);
        listener->changed_.notify();
    };
    service_.nursery_->spawn(carry_out(asked, std::move(job), std::move(options), is_regular));
    return asked;
}

Task<void> EngineControl::carry_out(std::shared_ptr<AskedRun> asked, std::shared_ptr<const Job> job, RunOptions options,
                                    bool is_regular) {
    const std::string name = job->name;
    while (true) {
        if (!asked->stop_reason_.empty()) co_return fail(*asked, *job, Outcome::cancelled, asked->stop_reason_);
        if (!has_job(name)) {
            co_return fail(*asked, *job, Outcome::failed,
                           "the job was removed from the job file before this run of it began");
        }
        if (service_.schedule_.begin(name, is_regular, service_.now())) break;
        co_await next_change(name);
    }
    run_begun(name);
    auto whole = service_.run(std::move(job), std::move(options), is_regular, asked);
    co_await std::move(whole);
}

void EngineControl::fail(AskedRun& asked, const Job& job, Outcome outcome, const std::string& why) {
    auto ending = std::make_shared<RunEnding>();
    ending->report.job = job.name;
    ending->report.direction = job.policy.direction;
    ending->report.source = escape(job.root);
    ending->report.target = escape(job.remote_text);
    if (job.policy.direction == Direction::pull) std::swap(ending->report.source, ending->report.target);
    ending->report.outcome = outcome;
    ending->report.error = why;
    ending->report.started_at = ending->report.finished_at = wall_clock_now();
    asked.ending_ = std::move(ending);
    asked.changed_.notify();
}

void EngineControl::stop(const std::shared_ptr<AskedRun>& run, const std::string& reason) {
    if (run->ending_ || !run->stop_reason_.empty()) return;
    run->stop_reason_ = reason;
    for (auto& [name, running] : service_.runs_) {
        if (&running->progress() == run->progress_) return running->stop(reason);
    }
    for (Waiting* waiting : waiting_) waiting->changed.notify();
}

void EngineControl::edit(const std::string& name, const std::string& who, JobEdit edit) {
    auto written = std::ranges::find(as_written_, name, &Job::name);
    SYNCLINE_ASSERT(written != as_written_.end());
    Job tried = *written;
    if (edit) edit(tried);
    auto& edits = states_[name].edits;
    if (edit) {
        edits[who] = std::move(edit);
    } else if (edits.erase(who) == 0) {
        return;
    }
    JobFile file = service_.file_;
    file.jobs = as_written_;
    service_.take_up(std::move(file));
}

bool EngineControl::is_edited(const std::string& name, const std::string& who) const {
    auto state = states_.find(name);
    return state != states_.end() && state->second.edits.contains(who);
}

void EngineControl::adopt_once(const std::string& name) { service_.adopts_.insert(name); }

void EngineControl::take_file(JobFile& file) {
    as_written_ = file.jobs;
    for (Job& job : file.jobs) apply_edits(job);
}

void EngineControl::apply_edits(Job& job) {
    auto state = states_.find(job.name);
    if (state == states_.end()) return;
    for (auto edit = state->second.edits.begin(); edit != state->second.edits.end();) {
        Job edited = job;
        try {
            edit->second(edited);
            job = std::move(edited);
            ++edit;
        } catch (const Error& error) {
            service_.observer_.warning(escape(job.name) + ": what `syncline " + edit->first +
                                       "` asked for does not fit the edited job and holds no longer: " + error.what());
            edit = state->second.edits.erase(edit);
        }
    }
}

void EngineControl::run_begun(const std::string& name) {
    ++states_[name].begun;
    wake(name);
}

void EngineControl::run_ended(const std::string& name, const std::shared_ptr<const RunEnding>& ending) {
    State& state = states_[name];
    state.ended = state.begun;
    state.last = without_details(*ending);
    if (exit_status(*ending) == 0) state.last_success = ending->report.finished_at;
    wake(name);
}

void EngineControl::wake(const std::string& name) {
    for (Waiting* waiting : waiting_) {
        if (waiting->job == name) waiting->changed.notify();
    }
}

}  // namespace syncline
