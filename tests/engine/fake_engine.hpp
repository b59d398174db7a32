// An engine on a manual clock whose runs do what the test says, for tests of the loop behind apply.
#pragma once

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/this_coro.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../async/run_task.hpp"
#include "async/event.hpp"
#include "async/manual_clock.hpp"
#include "base/error.hpp"
#include "engine/engine.hpp"

namespace syncline {

class UtcZone final : public LocalTime {
  public:
    int64_t utc_offset_s(TimeNs) const override { return 0; }
};

/// A directory of its own, gone at the end.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "syncline-engine-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

inline Job make_job(std::string name) {
    Job job;
    job.name = std::move(name);
    job.root = "/home/u/" + job.name;
    job.remote.path = "/mnt/" + job.name;
    job.remote_text = job.remote.path;
    return job;
}

inline Job every(std::string name, Duration interval) {
    Job job = make_job(std::move(name));
    job.interval = interval;
    return job;
}

/// What a test sees and decides. Runs wait until the test ends them; `log` has all that happened, in order.
class FakeEngine : public EngineObserver {
  public:
    TestLoop loop;
    ManualClock clock{1'700'000'000'000'000'000};
    UtcZone zone;
    TemporaryDirectory directory;
    std::vector<std::string> log;
    ParseOutcome next_load;  ///< what the job file says when it is read again
    JobFile file;
    EngineOptions options;
    int status = -1;
    std::optional<TimeNs> next_start;
    size_t most_at_once = 0;
    EngineControl* control = nullptr;  ///< of the engine that was started, while it runs

    FakeEngine() {
        file.path = directory.path() + "/jobs.toml";
        file.sha256 = "0";
    }

    void start(bool once = false) {
        next_load.file = file;
        loop.start(run_engine(once));
        loop.settle();
    }
    /// The job file is edited: these are its jobs now.
    void edit(std::vector<Job> jobs) {
        ParseOutcome outcome;
        JobFile edited = file;
        edited.jobs = std::move(jobs);
        edited.sha256 = std::to_string(++edits_);
        outcome.file = std::move(edited);
        next_load = std::move(outcome);
        hang_up();
    }
    void hang_up() {
        ::raise(SIGHUP);
        loop.settle();
    }
    void pass(Duration duration) {
        clock.advance(duration);
        loop.settle();
    }
    void end(const std::string& name, Outcome outcome = Outcome::success, Errc failure = Errc::failed) {
        outcomes_[name] = outcome;
        failures_[name] = failure;
        running_.at(name)->notify();
        loop.settle();
    }
    void lock(const std::string& name) { locked_ = name; }
    bool is_running(const std::string& name) const { return running_.contains(name); }
    /// The log since the last call.
    std::vector<std::string> news() { return std::exchange(log, {}); }

    void run_started(const Job& job, const Progress&) override { log.push_back("start " + job.name); }
    void run_finished(const RunReport& report) override {
        std::string line = std::string(outcome_name(report.outcome)) + " " + report.job;
        log.push_back(report.error.empty() ? line : line + ": " + report.error);
    }
    void run_locked(const Job& job, const std::string&) override { log.push_back("locked " + job.name); }
    void reloaded(const JobChanges& changes, const JobFile&) override { log.push_back(describe(changes)); }
    void reload_failed(const std::vector<Diagnostic>& errors) override {
        log.push_back("invalid: " + errors.at(0).message);
    }
    void warning(const std::string& text) override { log.push_back("warning: " + text); }
    void waiting(std::optional<TimeNs> next) override { next_start = next; }

  private:
    Task<void> run_engine(bool once) {
        auto work = [this](const Job& job, RunOptions, Progress&) { return pretend(job); };
        auto load = [this] { return next_load; };
        EngineParts parts{clock, zone, work, load, directory.path() + "/state"};
        parts.companion = [this](EngineControl& of_engine) { return hold(of_engine); };
        auto engine = once ? apply_once(file, options, parts, *this) : apply(file, options, parts, *this);
        status = co_await std::move(engine);
    }

    Task<void> hold(EngineControl& of_engine) {
        control = &of_engine;
        auto executor = co_await asio::this_coro::executor;
        Event never(executor);
        co_await never.wait();
    }

    Task<RunReport> pretend(const Job& job) {
        std::string name = job.name;
        if (name == locked_) throw Error(Errc::locked, "another run has " + name);
        if (job.policy.adopt) log.push_back("adopting " + name);
        auto executor = co_await asio::this_coro::executor;
        Event ending(executor);
        struct Mark {
            std::map<std::string, Event*>& running;
            std::string name;
            ~Mark() { running.erase(name); }
        } mark{running_, name};
        if (!running_.emplace(name, &ending).second) log.push_back("TWO RUNS OF " + name);
        most_at_once = std::max(most_at_once, running_.size());
        co_await ending.wait();
        RunReport report;
        report.job = name;
        report.outcome = outcomes_[name];
        report.failure = failures_[name];
        co_return report;
    }

    std::map<std::string, Event*> running_;
    std::map<std::string, Outcome> outcomes_;
    std::map<std::string, Errc> failures_;
    std::string locked_;
    int edits_ = 0;
};

}  // namespace syncline
