#include "cli/status_board.hpp"

#include <unistd.h>

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "async/cancel.hpp"
#include "async/first_of.hpp"
#include "base/text.hpp"
#include "cli/report_json.hpp"
#include "cli/workbench.hpp"

namespace syncline::cli {
namespace {

constexpr auto progress_interval = std::chrono::milliseconds(250);

status::Run run_of(const RunRecord& record) {
    status::Run run;
    run.started_at = record.started_at;
    run.finished_at = record.finished_at;
    run.scanned = record.scanned;
    run.put = record.put;
    run.deleted = record.deleted;
    run.bytes_sent = record.bytes_sent;
    run.outcome = outcome_name(record.outcome);
    run.detail = record.detail;
    run.problems = record.problems.size();
    return run;
}

std::optional<status::Halt> halt_of(const std::vector<Halt>& halts) {
    if (halts.empty()) return std::nullopt;
    status::Halt halt;
    for (const Halt& each : halts) halt.codes.emplace_back(guard_code(each.guard));
    halt.detail = halts_text(halts, &Halt::detail);
    halt.resolve = halts_text(halts, &Halt::resolve);
    return halt;
}

status::JobState state_after(Outcome outcome) {
    switch (outcome) {
        case Outcome::halted: return status::JobState::halted;
        case Outcome::partial: return status::JobState::partial;
        case Outcome::failed: return status::JobState::failed;
        case Outcome::success:
        case Outcome::cancelled: break;
    }
    return status::JobState::idle;
}

status::JobState state_in(RunPhase phase) {
    switch (phase) {
        case RunPhase::scanning: return status::JobState::scanning;
        case RunPhase::planning: return status::JobState::planning;
        case RunPhase::transferring: return status::JobState::transferring;
    }
    return status::JobState::scanning;
}

void add_to_totals(status::Totals& totals, const RunReport& report) {
    ++totals.runs.at(static_cast<size_t>(report.outcome));
    totals.put += report.done.put;
    totals.deleted += report.deletes;
    totals.bytes_sent += report.done.bytes;
}

/// The job's table as the status shows it.
void take_definition(status::Job& shown, const Job& job) {
    shown.name = job.name;
    shown.root = job.root;
    shown.remote = job.remote_text;
    shown.direction = policy_name(job.policy.direction);
    shown.max_staleness = job.max_staleness;
}

/// Lines, indented or not, one after the other.
std::string in_one_line(std::string_view lines) {
    std::string out;
    for (char c : lines) {
        bool is_gap = c == '\n' || (c == ' ' && out.ends_with(' '));
        if (!is_gap) out += c;
        if (c == '\n' && !out.ends_with(' ')) out += ' ';
    }
    return out;
}

}  // namespace

std::vector<Problem> shown_problems(const RunReport& report, size_t most) {
    std::vector<Problem> problems;
    bool has_failed = report.outcome == Outcome::failed;
    if (has_failed) problems.push_back({"", report.error});
    size_t rest = std::min(report.problems.size(), most - problems.size());
    problems.insert(problems.end(), report.problems.begin(), report.problems.begin() + static_cast<ptrdiff_t>(rest));
    return problems;
}

StatusBoard::StatusBoard(const asio::any_io_executor& executor, const JobFile& file, RunContext& context,
                         status::Publication& publication)
    : context_(context), publication_(publication), wake_(executor) {
    snapshot_.pid = ::getpid();
    snapshot_.started_at = wall_clock_now();
    snapshot_.version = SYNCLINE_VERSION;
    take_jobs(file, {});
    publish();
}

StatusBoard::~StatusBoard() = default;

StatusBoard::Entry* StatusBoard::find(const std::string& name) {
    auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

/// A job whose place was edited is another one of the same name.
void StatusBoard::take_jobs(const JobFile& file, const std::set<std::string>& begun_anew) {
    snapshot_.job_file = file.path;
    snapshot_.job_file_sha256 = file.sha256;
    order_.clear();
    hosts_.clear();
    for (const auto& [name, host] : file.hosts) hosts_.insert(name);
    std::map<std::string, Entry> kept;
    for (const Job& job : file.jobs) {
        order_.push_back(job.name);
        if (job.remote.type == Destination::Type::ssh) hosts_.insert(job.remote.name);
        auto old = entries_.find(job.name);
        bool is_known = old != entries_.end() && !begun_anew.contains(job.name);
        Entry& entry = kept[job.name];
        if (is_known) entry = std::move(old->second);
        take_definition(entry.now, job);
        entry.changed = true;
        if (is_known) continue;
        entry.now.known_since = wall_clock_now();
        if (old != entries_.end()) entry.now.generation = old->second.now.generation;
        unrecalled_[job.name] = job;
    }
    entries_ = std::move(kept);
    read_cleans();
    wake_.notify();
}

/// A state that cannot be read now has its say in the runs; the status goes on with what it knows.
void StatusBoard::read_cleans() {
    std::vector<CleanRecord> cleans;
    try {
        cleans = context_.store.cleans();
    } catch (const Error&) {
        return;
    }
    snapshot_.cleans.clear();
    for (CleanRecord& clean : cleans) {
        if (!hosts_.contains(clean.host)) continue;
        snapshot_.cleans.push_back({std::move(clean.host), std::move(clean.user), clean.at, clean.removed, clean.kept,
                                    clean.bytes_freed, std::move(clean.quota_before), std::move(clean.quota_after),
                                    std::move(clean.error)});
    }
}

void StatusBoard::look_at_cleans() {
    read_cleans();
    publish();
}

void StatusBoard::set_paused(const std::string& job, bool is_paused) {
    Entry* entry = find(job);
    if (!entry || entry->is_paused == is_paused) return;
    entry->is_paused = is_paused;
    if (is_paused) entry->now.next_run_at.reset();
    entry->changed = true;
    publish();
}

void StatusBoard::watch_changed(const std::string& job, const WatchState& state) {
    Entry* entry = find(job);
    status::Watch watch{state.active, state.pending, state.overflowed, state.trouble};
    if (!entry || (entry->now.watch == watch && entry->parked == state.parked)) return;
    entry->now.watch = watch;
    entry->parked = state.parked;
    settle_problems(*entry);
    entry->changed = true;
    publish();
}

void StatusBoard::run_started(const Job& job, const Progress& progress) {
    Entry* entry = find(job.name);
    if (!entry) return;
    ++entry->now.generation;
    entry->now.running_since = wall_clock_now();
    entry->is_due = false;
    entry->progress = &progress;
    entry->changed = true;
    publish();
    wake_.notify();
}

void StatusBoard::run_finished(const RunReport& report) {
    Entry* entry = find(report.job);
    if (!entry) return;
    take_progress(*entry);
    status::Job& job = entry->now;
    entry->progress = nullptr;
    entry->resting = state_after(report.outcome);
    entry->changed = true;
    job.running_since.reset();
    job.ended_generation = job.generation;
    job.halt = halt_of(report.outcome == Outcome::halted ? report.halts : std::vector<Halt>());
    entry->of_last_run = shown_problems(report, most_problems);
    job.problem_count = report.problems.size() + (report.outcome == Outcome::failed ? 1 : 0);
    settle_problems(*entry);
    add_to_totals(job.totals, report);
    status::Run run = run_of(history_record(report));
    job.last_attempt = run;
    if (report.outcome == Outcome::success) job.last_success = run;
    add_to_history(*entry, std::move(run));
    read_cleans();
    publish();
}

/// Nothing was done, so what the last run left to say still holds.
void StatusBoard::run_locked(const Job& job, const std::string& why) {
    Entry* entry = find(job.name);
    if (!entry) return;
    entry->progress = nullptr;
    entry->changed = true;
    entry->now.running_since.reset();
    entry->now.ended_generation = entry->now.generation;
    entry->of_last_run = {{"", why}};
    entry->now.problem_count = 1;
    settle_problems(*entry);
    publish();
}

void StatusBoard::reload_failed(const std::vector<Diagnostic>& errors) {
    snapshot_.job_file_error.clear();
    for (const Diagnostic& error : errors)
        snapshot_.job_file_error += (&error == &errors.front() ? "" : "; ") + in_one_line(error.text());
    publish();
}

void StatusBoard::reloaded(const JobChanges& changes, const JobFile& file) {
    snapshot_.job_file_error.clear();
    take_jobs(file, {changes.moved.begin(), changes.moved.end()});
    publish();
}

void StatusBoard::scheduled(const Schedule& schedule, Moment now) {
    for (auto& [name, entry] : entries_) {
        std::optional<TimeNs> next = schedule.next_run_at(name, now);
        bool is_due = !entry.progress && next && *next <= now.wall;
        // What is computed anew from another moment differs by the time that the computation took.
        constexpr TimeNs noise = 5'000'000;
        bool is_same = next.has_value() == entry.now.next_run_at.has_value() &&
                       (!next || std::abs(*next - *entry.now.next_run_at) < noise);
        if (is_same && is_due == entry.is_due) continue;
        entry.now.next_run_at = next;
        entry.is_due = is_due;
        entry.changed = true;
    }
    publish();
}

void StatusBoard::add_to_history(Entry& entry, status::Run run) {
    entry.history.insert(entry.history.begin(), std::move(run));
    if (entry.history.size() > most_history) entry.history.pop_back();
    entry.history_changed = true;
}

/// Behind the runs that this board saw itself.
void StatusBoard::recall(Entry& entry, const std::vector<RunRecord>& records) {
    TimeNs oldest_seen = entry.history.empty() ? INT64_MAX : entry.history.back().started_at;
    for (const RunRecord& record : records) {
        if (record.started_at < oldest_seen && entry.history.size() < most_history)
            entry.history.push_back(run_of(record));
    }
    status::Job& job = entry.now;
    if (!job.last_attempt && !entry.history.empty()) job.last_attempt = entry.history.front();
    entry.history_changed = entry.changed = true;
}

Task<void> StatusBoard::recall_job(const std::string& name) {
    Job job = unrecalled_.at(name);
    auto finding = find_pair_key(job, context_.endpoints);
    PairKey key = co_await std::move(finding);
    if (!context_.store.find(key)) co_return;
    PairId pair = context_.store.pair(key);
    Entry* entry = find(name);
    if (!entry) co_return;
    recall(*entry, context_.store.history(pair, most_history));
    std::optional<RunRecord> success = context_.store.last_run(pair, Outcome::success);
    if (success && !entry->now.last_success) entry->now.last_success = run_of(*success);
}

/// What cannot be recalled now is learnt by the job's next run: a status without a past is still a status.
Task<void> StatusBoard::recall_all() {
    while (!unrecalled_.empty()) {
        std::string name = unrecalled_.begin()->first;
        try {
            auto task = recall_job(name);
            co_await std::move(task);
        } catch (const std::exception&) {
            if (is_cancellation(std::current_exception())) throw;
        }
        unrecalled_.erase(name);
    }
    publish();
}

bool StatusBoard::has_runs() const {
    return std::ranges::any_of(entries_, [](const auto& each) { return each.second.progress != nullptr; });
}

Task<void> StatusBoard::serve() {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    while (true) {
        auto recalling = recall_all();
        co_await std::move(recalling);
        if (!has_runs()) {
            co_await wake_.wait();
            continue;
        }
        timer.expires_after(progress_interval);
        auto pause = timer.async_wait(asio::use_awaitable);
        co_await std::move(pause);
        publish();
    }
}

void StatusBoard::take_progress(Entry& entry) {
    if (!entry.progress) return;
    const Progress& progress = *entry.progress;
    status::Amounts amounts{progress.files_done, progress.files_total, progress.bytes_done, progress.bytes_total,
                            progress.entries_scanned};
    if (amounts == entry.now.progress) return;
    entry.now.progress = amounts;
    entry.changed = true;
}

void StatusBoard::settle_state(Entry& entry) {
    status::JobState state = entry.resting;
    if (!entry.parked.empty() && state == status::JobState::idle) state = status::JobState::partial;
    if (entry.is_due && state == status::JobState::idle) state = status::JobState::waiting;
    if (entry.is_paused) state = status::JobState::paused;
    if (entry.progress) state = state_in(entry.progress->phase);
    if (state != entry.now.state) entry.changed = true;
    entry.now.state = state;
}

/// What an earlier run left to be tried again is still to do, however well the last one went.
void StatusBoard::settle_problems(Entry& entry) {
    std::vector<Problem>& problems = entry.now.problems;
    problems = entry.of_last_run;
    for (const Problem& problem : entry.parked) {
        bool is_known =
            problem.path.empty() || std::ranges::find(problems, problem.path, &Problem::path) != problems.end();
        if (!is_known && problems.size() < most_problems) problems.push_back(problem);
    }
    entry.now.problem_count = std::max<uint64_t>(entry.now.problem_count, problems.size());
}

/// Jobs in which nothing changed are shared with the snapshot before; when nothing changed at all, that one stands.
void StatusBoard::publish() {
    status::Snapshot next = snapshot_;
    bool changed = order_.size() != publication_.latest()->jobs.size() ||
                   next.job_file_sha256 != publication_.latest()->job_file_sha256 ||
                   next.job_file_error != publication_.latest()->job_file_error ||
                   next.cleans != publication_.latest()->cleans;
    for (const std::string& name : order_) {
        Entry& entry = entries_.at(name);
        take_progress(entry);
        settle_state(entry);
        if (entry.history_changed) entry.now.history = std::make_shared<const status::History>(entry.history);
        if (entry.changed || !entry.shown) entry.shown = std::make_shared<const status::Job>(entry.now), changed = true;
        entry.changed = entry.history_changed = false;
        next.jobs.push_back(entry.shown);
    }
    if (changed) publication_.publish(std::move(next));
}

}  // namespace syncline::cli
