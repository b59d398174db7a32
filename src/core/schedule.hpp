// Schedule: when is each job due, and which may start now? Pure: time comes in as values, jobs to start go out.
//
// The caller tells it what happens (jobs set and removed, runs ended, triggers), asks take_due() after each event and
// whenever wake_at() has come, and starts what it is given. Owned by the engine; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "core/local_time.hpp"

namespace syncline {

/// One moment on both clocks: the wall clock, which may jump, and one that only goes forward, in suspend too.
struct Moment {
    TimeNs wall = 0;
    TimeNs steady = 0;
};

/// When a job wants to run. Keys of the job file have the same names.
struct JobTimes {
    std::string name;
    std::optional<Duration> interval;  ///< from start to start
    std::vector<CalendarTime> at;
    bool watch = false;
    bool on_start = true;
    Duration jitter{0};

    bool operator==(const JobTimes&) const = default;
};

/// What the schedule has to know about how a run ended.
enum class RunEnd : uint8_t {
    done,       ///< done, or as far as it can be; on to the next regular time
    halted,     ///< by a guard: trying again soon changes nothing
    failed,     ///< tried again soon, later and later, in any case at the next regular time
    cancelled,  ///< on purpose
};

class Schedule {
  public:
    /// `random` is uniform over all 64 bits. `zone` outlives the schedule.
    Schedule(unsigned max_parallel, const LocalTime& zone, std::function<uint64_t()> random);

    /// Adds a job, or begins an edited one anew: due at once when it has on_start, else at its first
    /// time. A run that is under way is not disturbed; the next waits for its end.
    void set(const JobTimes& times, Moment now);

    /// Forgets a job; one that runs, with its end.
    void remove(std::string_view name);

    void set_max_parallel(unsigned limit) { max_parallel_ = limit; }

    /// Makes a job due now (when it runs: once more after that). False when there is no such job.
    bool trigger(std::string_view name, Moment now);

    /// Whether a run at start, by trigger or by its times is still to come that was due by now.
    bool is_asked_for(std::string_view name, Moment now) const;

    /// Holds a job: what falls due waits until it is let go. Remembered when the job is edited.
    void set_paused(std::string_view name, bool is_paused);
    bool is_paused(std::string_view name) const;

    /// Somebody wants a run of it at once, whatever its times say and however many run. False when it runs already, or
    /// when there is no such job. `is_regular`: it does what a run on schedule would, and stands for that; finished()
    /// ends it. Otherwise set_aside() does.
    bool begin(std::string_view name, bool is_regular, Moment now);
    void set_aside(std::string_view name);
    /// Whether the last start of a job was not, or not only, for a trigger: its time had come, or a failed run's.
    bool was_timed(std::string_view name) const;

    /// To be called once for each job that take_due() gave out.
    void finished(std::string_view name, RunEnd how, Moment now);

    /// The jobs to start now, who has been due longest first. They count as running until finished().
    std::vector<std::string> take_due(Moment now);

    /// When take_due() has to be asked next if nothing happens before, on the steady clock; later than its last call.
    /// nullopt: never.
    std::optional<TimeNs> wake_at(Moment now) const;

    /// When a job is to start next, on the wall clock; nullopt when only a trigger starts it, or when there is no such
    /// job.
    std::optional<TimeNs> next_run_at(std::string_view name, Moment now) const;

    unsigned running() const { return running_; }

  private:
    struct Entry {
        JobTimes times;
        bool running = false;
        bool removed = false;
        bool paused = false;
        std::optional<TimeNs> due_since;     ///< steady; set: waits for its turn
        std::optional<TimeNs> start_due;     ///< steady; the run at start or by trigger
        std::optional<TimeNs> interval_due;  ///< steady
        std::optional<TimeNs> retry_due;     ///< steady
        std::optional<TimeNs> at_next;       ///< wall; the next of `times.at`
        bool timed = false;                  ///< what it is due for is not a trigger alone
        bool was_timed = false;              ///< the same of the last start
        TimeNs at_jitter = 0;                ///< to be added to at_next
        TimeNs at_served = 0;                ///< wall; times up to here are done with; 0 before the first run
        unsigned failures = 0;               ///< in a row
    };

    void notice_clock_set_back(Moment now);
    void notice_due(Entry& entry, Moment now);
    void start(Entry& entry, Moment now);
    Entry* end(std::string_view name);
    void plan_interval(Entry& entry, Moment now);
    void plan_at(Entry& entry, Moment now);
    TimeNs draw_jitter(const Entry& entry);
    static std::optional<TimeNs> next_due(const Entry& entry, Moment now);

    unsigned max_parallel_;
    const LocalTime& zone_;
    std::function<uint64_t()> random_;
    std::map<std::string, Entry, std::less<>> entries_;
    unsigned running_ = 0;
    TimeNs last_wall_ = 0;
};

}  // namespace syncline
