// StatusBoard: translates what the engine tells of its jobs into snapshots, and publishes them.
//
// Lives as long as the engine that it observes, on the engine's thread; the publication's readers are on any. While
// serve() runs, the progress of runs is published several times a second, and what the state remembers of each job's
// earlier runs is recalled.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "async/event.hpp"
#include "engine/engine.hpp"
#include "status/publication.hpp"

namespace syncline::cli {

class StatusBoard final : public EngineObserver {
  public:
    /// Runs of each job that it keeps, the newest.
    static constexpr size_t most_history = 200;
    /// Problems of each job that it keeps, the first.
    static constexpr size_t most_problems = 100;

    /// Publishes the jobs of `file` at once. `context` and `publication` outlive the board.
    StatusBoard(const asio::any_io_executor& executor, const JobFile& file, RunContext& context,
                status::Publication& publication);
    ~StatusBoard() override;

    /// Until it is cancelled.
    Task<void> serve();

    // Told by who steers the engine; a name that is in no job is passed over.

    void set_paused(const std::string& job, bool is_paused);
    /// Reads what the state has of cleans; other processes clean too.
    void look_at_cleans();

    void run_started(const Job& job, const Progress& progress) override;
    void run_finished(const RunReport& report) override;
    void run_locked(const Job& job, const std::string& why) override;
    void reloaded(const JobChanges& changes, const JobFile& file) override;
    void reload_failed(const std::vector<Diagnostic>& errors) override;
    void watch_changed(const std::string& job, const WatchState& state) override;
    void scheduled(const Schedule& schedule, Moment now) override;

  private:
    /// What is known of one job; `shown` is as it was published last.
    struct Entry {
        status::Job now;
        status::JobState resting = status::JobState::idle;  ///< what it is while it neither runs nor waits
        std::vector<Problem> of_last_run, parked;
        bool is_due = false;
        bool is_paused = false;
        const Progress* progress = nullptr;  ///< of the run under way
        status::History history;
        bool history_changed = false;
        std::shared_ptr<const status::Job> shown;
        bool changed = true;
    };

    Entry* find(const std::string& name);
    void take_jobs(const JobFile& file, const std::set<std::string>& begun_anew);
    void add_to_history(Entry& entry, status::Run run);
    void recall(Entry& entry, const std::vector<RunRecord>& records);
    Task<void> recall_all();
    Task<void> recall_job(const std::string& name);
    static void take_progress(Entry& entry);
    static void settle_state(Entry& entry);
    static void settle_problems(Entry& entry);
    bool has_runs() const;
    void read_cleans();
    void publish();

    RunContext& context_;
    status::Publication& publication_;
    status::Snapshot snapshot_;  ///< all but its jobs
    std::vector<std::string> order_;
    std::set<std::string> hosts_;  ///< of the job file
    std::map<std::string, Entry> entries_;
    std::map<std::string, Job> unrecalled_;
    Event wake_;
};

/// The report's problems, and what ended it, as the status shows them: at most `most`.
std::vector<Problem> shown_problems(const RunReport& report, size_t most);

}  // namespace syncline::cli
