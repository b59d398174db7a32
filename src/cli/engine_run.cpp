#include "cli/engine_run.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/engine_place.hpp"
#include "cli/exit_status.hpp"
#include "cli/report_wire.hpp"

namespace syncline::cli {
namespace {

constexpr Duration redraw_interval = std::chrono::milliseconds(100);

volatile std::sig_atomic_t interrupts = 0;

void on_interrupt(int number) {
    interrupts = interrupts + 1;
    if (interrupts > 1) ::_exit(128 + number);
}

/// SIGINT and SIGTERM are counted while this lives.
class Interrupts {
  public:
    Interrupts() {
        interrupts = 0;
        struct sigaction action{};
        action.sa_handler = on_interrupt;
        ::sigaction(SIGINT, &action, &old_interrupt_);
        ::sigaction(SIGTERM, &action, &old_end_);
    }
    ~Interrupts() {
        ::sigaction(SIGINT, &old_interrupt_, nullptr);
        ::sigaction(SIGTERM, &old_end_, nullptr);
    }
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

  private:
    struct sigaction old_interrupt_{}, old_end_{};
};

/// The engine's job as it is there, wherever this process would find other places for it.
bool is_engines_job(const CommandLine& line, const DirectRun& run) {
    return run.job.line != 0 && line.root.empty() && !line.sync_cwd && line.remote.empty() && line.remote_dir.empty() &&
           line.bucket.empty() && line.bandwidth_limit.empty() && !line.accept_new_host_key;
}

status::ControlRequest request_for(const Session& session, const JobFile& file, const DirectRun& run) {
    const CommandLine& line = session.line;
    status::ControlRequest request;
    request.command = run.job.policy.direction == Direction::push ? "push" : "pull";
    request.job = run.job.name;
    request.paths = line.arguments;
    if (!request.paths.empty() && request.paths.front() == run.job.name) request.paths.erase(request.paths.begin());
    request.exclude = line.exclude;
    request.include = line.include;
    request.directory = session.environment.current_directory;
    request.file_sha256 = file.sha256;
    request.force = line.force;
    request.restart = line.restart;
    request.tar = line.tar;
    request.checksum = line.checksum;
    request.adopt = line.adopt;
    request.remove = line.remove;
    request.overwrite = line.overwrite && (run.job.policy.direction == Direction::pull || line.command != Command::run);
    request.never_delete = line.never_delete;
    request.preserve = line.preserve;
    request.missing = line.missing;
    request.update = line.update;
    request.verbose = line.verbose;
    return request;
}

class Follower {
  public:
    Follower(Session& session, status::ControlClient& engine, const std::string& job)
        : session_(session), engine_(engine), job_(job) {}

    std::optional<int> follow() {
        while (true) {
            if (interrupts > 0 && !asked_to_stop_) ask_to_stop();
            std::string line;
            auto got = engine_.receive(line, redraw_interval);
            if (got == status::ControlClient::Got::end) {
                clear();
                throw Error(Errc::lost, escape(job_) +
                                            ": the engine ended before the run did; what was verified is recorded, and "
                                            "the next run goes on from here");
            }
            if (got == status::ControlClient::Got::line) {
                std::optional<int> status = take(line);
                if (was_declined_ || status) return status;
            }
            session_.output.tick(wall_clock_now());
        }
    }

  private:
    void ask_to_stop() {
        asked_to_stop_ = true;
        session_.output.info("stopping; once more to stop waiting");
        status::ControlRequest cancel;
        cancel.command = "cancel";
        engine_.send(cancel);
    }

    /// The exit status when this was the last line.
    std::optional<int> take(const std::string& line) {
        nlohmann::ordered_json object = nlohmann::ordered_json::parse(line, nullptr, false);
        std::string event;
        if (object.is_object() && object.contains("event") && object["event"].is_string()) event = object["event"];
        if (event == "declined") {
            was_declined_ = true;
        } else if (event == "progress") {
            take_progress(line, progress_);
        } else if (event == "run_started") {
            if (!mark_) mark_.emplace(session_.output, job_, progress_);
        } else if (event == "warning") {
            session_.output.warning(object.value("message", ""));
        } else if (event == "run_finished") {
            clear();
            return tell(parse_ending(line));
        } else if (object.is_object() && object.contains("exit_status")) {
            clear();
            return tell_answer(session_, line);
        }
        return std::nullopt;
    }

    int tell(const RunEnding& ending) {
        if (ending.was_locked) {
            session_.output.run_locked(ending.report);
        } else {
            session_.output.run_finished(ending.report);
        }
        return exit_status(ending);
    }

    void clear() { mark_.reset(); }

    Session& session_;
    status::ControlClient& engine_;
    std::string job_;
    Progress progress_;
    std::optional<RunningMark> mark_;
    bool asked_to_stop_ = false;
    bool was_declined_ = false;  ///< the engine does not do it
};

}  // namespace

std::optional<int> run_in_engine(Session& session, const JobFile& file, const DirectRun& run) {
    if (!is_engines_job(session.line, run)) return std::nullopt;
    std::optional<status::ControlClient> engine = find_engine(engine_place(file.path, session.environment));
    if (!engine) return std::nullopt;
    Interrupts counted;
    engine->send(request_for(session, file, run));
    return Follower(session, *engine, run.job.name).follow();
}

}  // namespace syncline::cli
