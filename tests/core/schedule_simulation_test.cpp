// Simulated weeks of random jobs, suspends, clock changes, edits and failures, against rules that a user would state. A
// failure prints its seed; SYNCLINE_SEED=N replays it.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <map>
#include <random>

#include "core/schedule.hpp"
#include "fake_zone.hpp"

using namespace syncline;

namespace {

constexpr TimeNs second = 1'000'000'000;
constexpr TimeNs minute = 60 * second;
constexpr TimeNs hour = 60 * minute;
constexpr TimeNs day = 24 * hour;

/// All a rule needs to know about a job.
struct Watched {
    JobTimes times;
    std::optional<TimeNs> run_ends;  ///< steady
    RunEnd run_end = RunEnd::done;
    bool removed = false;
    std::optional<TimeNs> owed_since;  ///< steady; something made it due
    std::optional<TimeNs> last_start;  ///< steady
    std::optional<TimeNs> failed_at;   ///< steady, with no start since
    TimeNs served = 0;                 ///< wall; when a run last started
    TimeNs noticed = 0;                ///< wall; times up to here were owed once
    bool may_run = false;              ///< a time passed since, perhaps for the second time
};

class Simulation {
  public:
    explicit Simulation(uint64_t seed) : dice_(seed), schedule_(1, zone(), [this] { return dice_(); }) {
        now_.wall = change_s * second - 10 * day + below(7 * day);
        now_.steady = below(1000 * hour);
        limit_ = 1 + static_cast<unsigned>(below(4));
        schedule_.set_max_parallel(limit_);
        for (int i = 0; i < 1 + below(8); ++i) edit("job" + std::to_string(i));
        next_incident_ = now_.steady + below(6 * hour);
    }

    void run() {
        TimeNs end = now_.steady + 21 * day;
        step();
        while (now_.steady < end) {
            TimeNs next = next_incident_;
            auto wake = schedule_.wake_at(now_);
            if (wake) {
                REQUIRE(*wake > now_.steady);
                next = std::min(next, *wake);
            }
            for (auto& [name, job] : jobs_) next = job.run_ends ? std::min(next, *job.run_ends) : next;
            if (wake && next == *wake) ++wakes_;
            pass(std::max<TimeNs>(next - now_.steady, 0));
            if (now_.steady >= next_incident_) incident();
            step();
        }
        // Every wake has a cause, and no cause wakes twice.
        CHECK(wakes_ <= causes_);
    }

  private:
    static constexpr int64_t change_s = 1'774'746'000;
    static const FakeZone& zone() {
        static const FakeZone berlin(3600, {{change_s, 7200}, {change_s + 14 * 86400, 3600}});
        return berlin;
    }

    int64_t below(int64_t limit) { return static_cast<int64_t>(dice_() % static_cast<uint64_t>(limit)); }
    bool chance(int percent) { return below(100) < percent; }

    JobTimes random_times(const std::string& name) {
        JobTimes times;
        times.name = name;
        if (chance(60)) times.interval = Duration(1000 * (1 + (chance(50) ? below(120) : below(100'000))));
        for (int64_t i = chance(50) ? below(4) : 0; i > 0; --i) {
            CalendarTime at{std::nullopt, static_cast<int>(below(24)), static_cast<int>(below(60))};
            if (chance(20)) at.hour = 2;
            if (chance(30)) at.weekday = static_cast<int>(below(7));
            times.at.push_back(at);
        }
        times.on_start = chance(70);
        times.watch = chance(10);
        if (chance(40)) times.jitter = Duration(below(60'000));
        return times;
    }

    void owe(Watched& job) {
        ++causes_;
        if (!job.owed_since) job.owed_since = now_.steady;
    }

    void edit(const std::string& name) {
        Watched& job = jobs_[name];
        Watched fresh;
        fresh.run_ends = job.run_ends;
        fresh.run_end = job.run_end;
        fresh.times = random_times(name);
        if (!fresh.times.on_start) fresh.last_start = now_.steady;
        job = fresh;
        schedule_.set(job.times, now_);
        ++causes_;
        if (!job.last_start) owe(job);
    }

    void remove(const std::string& name) {
        auto found = jobs_.find(name);
        if (found == jobs_.end()) return;
        schedule_.remove(name);
        if (!found->second.run_ends) {
            jobs_.erase(found);
        } else {
            found->second.removed = true;
            found->second.owed_since.reset();
        }
    }

    /// Time passes on both clocks; `suspended` time does not count for those who wait.
    void pass(TimeNs duration, bool suspended = false) {
        TimeNs before = now_.wall;
        now_.wall += duration;
        now_.steady += duration;
        if (suspended) {
            for (auto& [name, job] : jobs_) {
                if (job.run_ends) *job.run_ends += duration;
                if (job.owed_since) *job.owed_since += duration;
            }
        }
        notice_times(before);
    }

    void set_clock(TimeNs offset) {
        TimeNs before = now_.wall;
        now_.wall += offset;
        for (auto& [name, job] : jobs_) {
            ++causes_;  // A wake that was on its way may find nothing.
            if (std::max(job.served, job.noticed) - now_.wall > day) job.served = job.noticed = now_.wall;
            // A time that waited for its jitter comes again.
            if (job.owed_since && offset < 0) *job.owed_since -= offset;
        }
        if (offset > 0) notice_times(before);
    }

    void notice_times(TimeNs before) {
        for (auto& [name, job] : jobs_) {
            if (job.removed) continue;
            TimeNs from = std::max(before, job.served);
            while (auto at = next_occurrence(job.times.at, from, zone())) {
                if (*at > now_.wall) break;
                // Set back between a time and its run, the clock passes the time again: one run is owed, a second is
                // allowed.
                ++causes_;
                job.may_run = true;
                if (*at > job.noticed) owe(job);
                job.noticed = std::max(job.noticed, *at);
                from = *at;
            }
        }
    }

    void incident() {
        next_incident_ = now_.steady + 1 + below(chance(20) ? minute : 20 * hour);
        std::string name = "job" + std::to_string(below(9));
        switch (below(8)) {
            case 0: pass(below(40 * hour), true); break;
            case 1: set_clock(below(2 * hour)); break;
            case 2: set_clock(-below(2 * hour)); break;
            case 3: set_clock(chance(50) ? below(40 * day) : -(3 * day + below(37 * day))); break;
            case 4: edit(name); break;
            case 5: remove(name); break;
            case 6: trigger(name); break;
            default: limit_ = 1 + static_cast<unsigned>(below(4)); schedule_.set_max_parallel(limit_);
        }
    }

    void trigger(const std::string& name) {
        auto found = jobs_.find(name);
        bool there = found != jobs_.end() && !found->second.removed;
        CHECK(schedule_.trigger(name, now_) == there);
        if (there) owe(found->second);
    }

    void step() {
        end_runs();
        for (auto& name : schedule_.take_due(now_)) begin_run(name);
        check_nobody_forgotten();
    }

    void end_runs() {
        for (auto found = jobs_.begin(); found != jobs_.end();) {
            Watched& job = found->second;
            bool ends = job.run_ends && *job.run_ends <= now_.steady;
            if (ends) {
                schedule_.finished(found->first, job.run_end, now_);
                job.run_ends.reset();
                if (job.run_end == RunEnd::failed) {
                    job.failed_at = now_.steady;
                    ++causes_;
                }
            }
            found = ends && job.removed ? jobs_.erase(found) : std::next(found);
        }
    }

    void begin_run(const std::string& name) {
        INFO(name << " at " << format_time(now_.wall));
        REQUIRE(jobs_.contains(name));
        Watched& job = jobs_[name];
        REQUIRE_FALSE(job.removed);
        REQUIRE_FALSE(job.run_ends);
        auto under_way =
            std::count_if(jobs_.begin(), jobs_.end(), [](auto& each) { return each.second.run_ends.has_value(); });
        REQUIRE(under_way < limit_);
        bool interval_over =
            job.times.interval && job.last_start && now_.steady - *job.last_start >= ns(*job.times.interval);
        bool retry = job.failed_at && now_.steady - *job.failed_at >= second;
        REQUIRE((job.owed_since || job.may_run || interval_over || retry));

        job.owed_since.reset();
        job.may_run = false;
        job.failed_at.reset();
        job.last_start = now_.steady;
        job.served = std::max(job.served, now_.wall);
        ++causes_;
        job.run_ends = now_.steady + 1 + (chance(90) ? below(30 * second) : below(longest_run));
        job.run_end = chance(70) ? RunEnd::done : static_cast<RunEnd>(below(4));
    }

    /// Whoever is owed a run gets it as soon as those before it are through.
    void check_nobody_forgotten() {
        for (auto& [name, job] : jobs_) {
            if (job.run_ends || job.removed) continue;
            INFO(name << " at " << format_time(now_.wall));
            bool place_free = schedule_.running() < limit_;
            TimeNs queue = place_free ? 0 : 24 * longest_run;
            TimeNs patience = ns(job.times.jitter) + queue;
            if (job.owed_since) REQUIRE(now_.steady - *job.owed_since <= patience);
            if (place_free && job.times.interval && job.last_start) {
                REQUIRE(now_.steady - *job.last_start < ns(*job.times.interval) + ns(job.times.jitter) + 1);
            }
        }
    }

    static TimeNs ns(Duration duration) { return std::chrono::nanoseconds(duration).count(); }
    static constexpr TimeNs longest_run = 2 * hour;

    std::mt19937_64 dice_;
    Schedule schedule_;
    Moment now_;
    unsigned limit_ = 1;
    std::map<std::string, Watched> jobs_;
    TimeNs next_incident_ = 0;
    uint64_t wakes_ = 0;
    uint64_t causes_ = 0;
};

}  // namespace

TEST_CASE("simulated weeks keep the rules of the schedule") {
    const char* wanted = std::getenv("SYNCLINE_SEED");
    uint64_t first = wanted ? std::strtoull(wanted, nullptr, 10) : 1;
    uint64_t last = wanted ? first : 150;
    for (uint64_t seed = first; seed <= last; ++seed) {
        INFO("replay with SYNCLINE_SEED=" << seed);
        Simulation(seed).run();
    }
}
