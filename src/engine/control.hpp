// EngineControl: what may be asked of a running engine beside its schedule: runs at once, pauses, edits that hold while
// it lives, waiting, and the end.
//
// A part of the Service, and as long-lived. All on the engine's thread; nothing here blocks. Names are those of jobs
// that the engine holds: has_job() first.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/job_run.hpp"

namespace syncline {

class Service;

/// How a run ended.
struct RunEnding {
    RunReport report;
    bool was_locked = false;  ///< another run had the job: nothing was done
};

/// The exit status of a command that waited for it (design: exit status).
int exit_status(const RunEnding& ending);

/// What is known of a job. Pointers hold until the next suspension.
struct JobView {
    std::string name;
    bool is_running = false, is_paused = false;
    bool is_asked_for = false;                        ///< due, or will run at once when what runs has ended
    uint64_t generation = 0;                          ///< runs begun since the engine started
    const Progress* progress = nullptr;               ///< null: it does not run
    std::shared_ptr<const RunEnding> last;            ///< null: none ended yet; without actions and paths
    std::optional<TimeNs> next_run_at, last_success;  ///< wall clock; the last since the engine started
};

/// A run that somebody asked for and may watch, and stop. Lives as long as anybody holds it.
class AskedRun {
  public:
    explicit AskedRun(const asio::any_io_executor& executor) : changed_(executor) {}

    bool has_begun() const { return progress_ != nullptr || ending_; }
    /// Null before it begins and after its end.
    const Progress* progress() const { return progress_; }
    /// Null until it has ended.
    const std::shared_ptr<const RunEnding>& ending() const { return ending_; }
    /// What the run said since this was asked last.
    std::vector<std::string> take_messages() { return std::exchange(messages_, {}); }
    /// Returns when any of these changed. One coroutine at a time.
    Task<void> wait_for_change() { return changed_.wait(); }

  private:
    friend class EngineControl;
    friend class Service;

    void begin(const Progress& progress) {
        progress_ = &progress;
        changed_.notify();
    }
    void end(std::shared_ptr<const RunEnding> ending) {
        progress_ = nullptr;
        ending_ = std::move(ending);
        changed_.notify();
    }

    Event changed_;
    const Progress* progress_ = nullptr;
    std::shared_ptr<const RunEnding> ending_;
    std::vector<std::string> messages_;
    std::string stop_reason_;  ///< set: it is not to begin any more
};

/// What holds for a job while the engine lives, through reloads. Throws Error when it does not fit the job.
using JobEdit = std::function<void(Job&)>;

class EngineControl {
  public:
    explicit EngineControl(Service& service) : service_(service) {}
    EngineControl(const EngineControl&) = delete;
    EngineControl& operator=(const EngineControl&) = delete;

    const JobFile& file() const;
    TimeNs started_at() const { return started_at_; }
    bool has_job(const std::string& name) const;
    /// The job as it is now; has_job() must hold.
    const Job& job(const std::string& name) const;
    JobView view(const std::string& name) const;
    /// Looks at the job file again when its text is not the one of this SHA-256; whether it is then.
    bool takes_up(const std::string& sha256);

    /// Takes a job of the file up that --job left out at the start; false when the file has none of that name. Until
    /// let_go() it has no times and no watcher: whether it may begin is still to be judged.
    bool take_on(const std::string& name);
    void let_go(const std::string& name);

    /// Makes it due now: once more after a run that is under way.
    void trigger(const std::string& name);
    /// Ends its run and holds its times until resume(), which makes it due at once. Not remembered by the next engine.
    void pause(const std::string& name);
    void resume(const std::string& name);
    /// Ends the engine: runs are cancelled and waited for.
    void stop();
    /// Ends a run that is under way; `reason` goes into its report.
    void stop_run(const std::string& name, const std::string& reason);

    /// Returns when every run that was asked for by now has ended, with the last ending; null when there is none. What
    /// an earlier run could not do, and is to be tried again, is among its problems. Throws Error when the job is
    /// removed meanwhile.
    Task<std::shared_ptr<const RunEnding>> wait(std::string name);

    /// Starts `job`, a job of the engine with what this one run is to do otherwise, as soon as no run of it is under
    /// way. `is_regular`: it does what a run on schedule does. A paused job runs too: this is asked for by name.
    std::shared_ptr<AskedRun> run_now(std::shared_ptr<const Job> job, RunOptions options, bool is_regular);
    /// Stops it, or keeps it from beginning; not what else runs in the job.
    void stop(const std::shared_ptr<AskedRun>& run, const std::string& reason);

    /// Edits the job from now on, in place of what the same `who` did before; null undoes it. Throws what `edit`
    /// throws, and then nothing has changed.
    void edit(const std::string& name, const std::string& who, JobEdit edit);
    bool is_edited(const std::string& name, const std::string& who) const;
    /// For its next run only.
    void adopt_once(const std::string& name);

  private:
    friend class Service;
    struct Waiting;
    struct State {
        uint64_t begun = 0, ended = 0;
        std::shared_ptr<const RunEnding> last;
        std::optional<TimeNs> last_success;
        std::map<std::string, JobEdit> edits;
    };

    // Told by the service.
    void take_file(JobFile& file);  ///< as it was written; it leaves with the edits that hold
    void run_begun(const std::string& name);
    void run_ended(const std::string& name, const std::shared_ptr<const RunEnding>& ending);
    void wake(const std::string& name);

    Task<void> next_change(const std::string& name);
    std::shared_ptr<const RunEnding> with_what_is_parked(const std::string& name);
    Task<void> carry_out(std::shared_ptr<AskedRun> asked, std::shared_ptr<const Job> job, RunOptions options,
                         bool is_regular);
    static void fail(AskedRun& asked, const Job& job, Outcome outcome, const std::string& why);
    void apply_edits(Job& job);

    Service& service_;
    TimeNs started_at_ = wall_clock_now();
    std::map<std::string, State> states_;
    std::vector<Job> as_written_;
    std::set<Waiting*> waiting_;
};

}  // namespace syncline
