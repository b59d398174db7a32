#include "core/schedule.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.hpp"
#include "core/retry.hpp"

namespace syncline {
namespace {

constexpr TimeNs ns_per_day = 24 * 3600 * ns_per_second;

/// Gentle enough for a server that bans who fails to log in too often, quick enough for a laptop that is back online.
constexpr RetryPolicy job_retry{std::chrono::seconds(5), std::chrono::minutes(10)};
/// Full jitter may draw nearly nothing; a run that fails at once must not spin.
constexpr TimeNs least_retry_delay = ns_per_second;

TimeNs in_ns(Duration duration) { return std::chrono::nanoseconds(duration).count(); }

void take_earlier(std::optional<TimeNs>& earliest, std::optional<TimeNs> candidate) {
    if (candidate && (!earliest || *candidate < *earliest)) earliest = candidate;
}

}  // namespace

Schedule::Schedule(unsigned max_parallel, const LocalTime& zone, std::function<uint64_t()> random)
    : max_parallel_(max_parallel), zone_(zone), random_(std::move(random)) {}

void Schedule::set(const JobTimes& times, Moment now) {
    Entry& entry = entries_[times.name];
    bool was_running = entry.running, was_paused = entry.paused;
    entry = Entry{};
    entry.running = was_running;
    entry.paused = was_paused;
    entry.times = times;
    if (times.on_start) {
        entry.start_due = now.steady + draw_jitter(entry);
    } else {
        plan_interval(entry, now);
    }
    entry.at_jitter = draw_jitter(entry);
    plan_at(entry, now);
}

void Schedule::remove(std::string_view name) {
    auto found = entries_.find(name);
    if (found == entries_.end()) return;
    if (!found->second.running) {
        entries_.erase(found);
        return;
    }
    Entry rest;
    rest.running = rest.removed = true;
    found->second = rest;
}

bool Schedule::trigger(std::string_view name, Moment now) {
    auto found = entries_.find(name);
    if (found == entries_.end() || found->second.removed) return false;
    found->second.start_due = now.steady;
    return true;
}

bool Schedule::is_asked_for(std::string_view name, Moment now) const {
    auto found = entries_.find(name);
    if (found == entries_.end()) return false;
    auto due = next_due(found->second, now);
    return found->second.due_since || found->second.start_due || (due && *due <= now.steady);
}

void Schedule::set_paused(std::string_view name, bool is_paused) {
    auto found = entries_.find(name);
    if (found != entries_.end()) found->second.paused = is_paused;
}

bool Schedule::is_paused(std::string_view name) const {
    auto found = entries_.find(name);
    return found != entries_.end() && found->second.paused;
}

bool Schedule::begin(std::string_view name, bool is_regular, Moment now) {
    auto found = entries_.find(name);
    if (found == entries_.end() || found->second.removed || found->second.running) return false;
    if (is_regular) {
        start(found->second, now);
    } else {
        found->second.running = true;
        ++running_;
    }
    return true;
}

bool Schedule::was_timed(std::string_view name) const {
    auto found = entries_.find(name);
    return found != entries_.end() && found->second.was_timed;
}

void Schedule::set_aside(std::string_view name) { end(name); }

void Schedule::finished(std::string_view name, RunEnd how, Moment now) {
    Entry* entry = end(name);
    if (entry == nullptr) return;
    if (how == RunEnd::failed) {
        TimeNs delay = in_ns(retry_delay(job_retry, entry->failures++, random_()));
        entry->retry_due = now.steady + std::max(delay, least_retry_delay);
    } else {
        entry->failures = 0;
    }
}

/// nullptr when the job was removed while it ran, and is forgotten with this.
Schedule::Entry* Schedule::end(std::string_view name) {
    auto found = entries_.find(name);
    SYNCLINE_ASSERT(found != entries_.end() && found->second.running);
    found->second.running = false;
    --running_;
    if (!found->second.removed) return &found->second;
    entries_.erase(found);
    return nullptr;
}

std::vector<std::string> Schedule::take_due(Moment now) {
    notice_clock_set_back(now);
    std::vector<Entry*> waiting;
    for (auto& [name, entry] : entries_) {
        notice_due(entry, now);
        if (entry.due_since && !entry.running && !entry.paused) waiting.push_back(&entry);
    }
    auto place = [](const Entry* entry) { return std::tie(*entry->due_since, entry->times.name); };
    std::sort(waiting.begin(), waiting.end(), [&](const Entry* a, const Entry* b) { return place(a) < place(b); });
    std::vector<std::string> names;
    for (Entry* entry : waiting) {
        if (running_ >= max_parallel_) break;
        start(*entry, now);
        names.push_back(entry->times.name);
    }
    return names;
}

std::optional<TimeNs> Schedule::wake_at(Moment now) const {
    std::optional<TimeNs> earliest;
    for (const auto& [name, entry] : entries_) {
        // Who is due already waits for the end of a run, not for time.
        if (!entry.due_since && !entry.paused) take_earlier(earliest, next_due(entry, now));
    }
    return earliest;
}

std::optional<TimeNs> Schedule::next_run_at(std::string_view name, Moment now) const {
    auto found = entries_.find(name);
    if (found == entries_.end() || found->second.paused) return std::nullopt;
    if (found->second.due_since) return now.wall;
    auto due = next_due(found->second, now);
    if (!due) return std::nullopt;
    return now.wall + std::max<TimeNs>(*due - now.steady, 0);
}

/// What was to come next may lie far ahead now, and what is done with must not be done again.
void Schedule::notice_clock_set_back(Moment now) {
    bool set_back = now.wall < last_wall_;
    last_wall_ = now.wall;
    if (!set_back) return;
    for (auto& [name, entry] : entries_) {
        bool waits_for_jitter = entry.at_next && *entry.at_next <= now.wall;
        if (!waits_for_jitter) plan_at(entry, now);
    }
}

/// However many times have passed since the last look, a job is due once: that is the one catch-up run.
void Schedule::notice_due(Entry& entry, Moment now) {
    auto due = next_due(entry, now);
    if (!due || *due > now.steady) return;
    if (!entry.due_since) entry.due_since = due;
    auto is_due = [&](const std::optional<TimeNs>& time) { return time && *time <= now.steady; };
    bool at_is_due = entry.at_next && *entry.at_next <= now.wall;
    entry.timed = entry.timed || at_is_due || is_due(entry.interval_due) || is_due(entry.retry_due);
    if (entry.at_next && *entry.at_next <= now.wall) {
        entry.at_served = std::max(entry.at_served, now.wall);
        entry.at_jitter = draw_jitter(entry);
        plan_at(entry, now);
    }
}

void Schedule::start(Entry& entry, Moment now) {
    entry.running = true;
    entry.was_timed = std::exchange(entry.timed, false);
    ++running_;
    entry.due_since.reset();
    entry.start_due.reset();
    entry.retry_due.reset();
    entry.at_served = std::max(entry.at_served, now.wall);
    plan_interval(entry, now);
    plan_at(entry, now);
}

void Schedule::plan_interval(Entry& entry, Moment now) {
    if (entry.times.interval) entry.interval_due = now.steady + in_ns(*entry.times.interval) + draw_jitter(entry);
}

/// After the clock was set back, times that it showed before are not served again; unless by more than a day: then it
/// was wrong before, and what it showed does not count.
void Schedule::plan_at(Entry& entry, Moment now) {
    if (entry.at_served - now.wall > ns_per_day) entry.at_served = now.wall;
    entry.at_next = next_occurrence(entry.times.at, std::max(entry.at_served, now.wall), zone_);
}

TimeNs Schedule::draw_jitter(const Entry& entry) {
    auto range = static_cast<uint64_t>(in_ns(entry.times.jitter));
    return static_cast<TimeNs>(random_() % (range + 1));
}

std::optional<TimeNs> Schedule::next_due(const Entry& entry, Moment now) {
    std::optional<TimeNs> earliest;
    for (auto due : {entry.start_due, entry.retry_due, entry.interval_due}) take_earlier(earliest, due);
    if (entry.at_next) take_earlier(earliest, now.steady + (*entry.at_next + entry.at_jitter - now.wall));
    return earliest;
}

}  // namespace syncline
