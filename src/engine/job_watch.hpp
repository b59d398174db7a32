// JobWatch: keeps one job's watcher going, and remembers what its next run has to look at.
//
// First the watcher stands, then everything is looked at, then what changes. When it breaks (events lost, rules or
// root changed) a new one is made and everything is looked at again; where none can be had, the job lives by its
// interval. Engine's thread; shared by the coroutine that follows the watcher and the run under way.
#pragma once

#include <asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "async/clock.hpp"
#include "async/event.hpp"
#include "config/job.hpp"
#include "core/parked.hpp"
#include "core/settling.hpp"
#include "endpoint/endpoint.hpp"
#include "engine/run.hpp"

namespace syncline {

/// What people are told of a watcher.
struct WatchState {
    bool active = false;               ///< changes are seen as they happen
    size_t pending = 0;                ///< changed paths that wait for a run
    bool overflowed = false;           ///< changes were lost, and everything is still to be looked at again
    std::string trouble;               ///< "" or why it is not active, or sees less than all; what to do about it
    std::vector<Problem> parked = {};  ///< what a run could not do, and the next ones try again

    bool operator==(const WatchState&) const = default;
};

/// Makes the watcher of a job's source.
using WatchFunction = std::function<std::unique_ptr<SourceWatch>(const Job&)>;

class JobWatch {
  public:
    struct Calls {
        std::function<void()> due;                    ///< the job is to run
        std::function<void(const WatchState&)> tell;  ///< the state is another now
        std::function<void(const std::string&)> warn;
    };

    JobWatch(const asio::any_io_executor& executor, const Job& job, WatchFunction make, Clock& clock, Calls calls);

    /// Ends after stop().
    static Task<void> serve(std::shared_ptr<JobWatch> watch);
    void stop();

    /// Says what a run that begins now has to look at; with `whole` that is everything. To be followed by end_run().
    Task<void> begin_run(RunOptions& options, bool whole);
    void end_run(const RunReport& report, bool was_locked);
    /// For a run that leaves what changed to the next: the live watcher and what it saw go; null when none has seen
    /// everything.
    Task<std::shared_ptr<SourceWatch>> witness(RunOptions& options);
    /// Has the next run look at what is still being written, too.
    void hurry() { is_hurried_ = true; }
    /// What could not be brought over and is tried again later.
    std::vector<Problem> parked() const { return parked_.problems(); }
    /// Has the next run look at everything.
    void look_at_everything() { changes_.add_everything(); }

    const WatchState& state() const { return state_; }

  private:
    Task<void> follow();
    Task<void> follow_one();
    Task<void> gather();
    Task<void> note_happening();
    Task<bool> happens_before(TimeNs deadline);
    Task<void> be_patient();
    Task<void> sleep(Duration duration);
    Task<void> bring_back_what_waits();
    Task<void> follow_all();
    Task<void> look_behind_links();
    bool take_changes();
    std::vector<Problem> to_be_parked(const RunReport& report) const;
    void broke();
    void warn();
    void all_is_seen();
    bool lives_by_interval() const;
    std::string how_often() const;
    std::string trouble_of_watch() const;
    std::string trouble() const;
    void tell();

    Job job_;
    WatchFunction make_;
    Clock& clock_;
    Calls calls_;
    Event stop_, later_, never_;
    std::shared_ptr<SourceWatch> watch_;
    std::shared_ptr<SourceWatch> in_use_;  ///< by the run under way
    bool stands_ = false;
    bool happened_ = false;
    bool gave_up_ = false;  ///< the last watcher broke for good, and its run was asked for
    ChangeSet changes_;     ///< beside what the watcher has not handed over yet
    ChangeSet in_hand_;     ///< what the run under way looks at
    GonePaths gone_;        ///< what the watcher saw go since it stands
    Settling settling_;     ///< what is still being written
    Parked parked_;         ///< what a run could not do
    bool is_hurried_ = false;
    std::string warned_;
    WatchState state_;
};

}  // namespace syncline
