#include "cli/engine_desk.hpp"

#include <unistd.h>

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "async/first_of.hpp"
#include "async/nursery.hpp"
#include "base/text.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/report_wire.hpp"
#include "cli/service_manager.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;
using status::error_line;

constexpr auto progress_interval = std::chrono::milliseconds(200);
constexpr size_t most_lines = 20;

bool is_known(std::string_view command) {
    static constexpr std::string_view names[] = {"status", "trigger", "pause", "resume", "stop",  "wait",
                                                 "push",   "pull",    "watch", "auto",   "cancel"};
    return std::ranges::find(names, command) != std::end(names);
}

bool begins_schedule(const status::ControlRequest& request) {
    return (request.command == "watch" || request.command == "auto") && !request.show && !request.end;
}

std::string dump(const Json& value) { return value.dump(-1, ' ', true) + "\n"; }

std::string event_line(const std::string& event, const std::string& message) {
    return dump({{"event", event}, {"message", utf8_lossy(message)}});
}

std::string done_line(const std::string& message) {
    return dump({{"event", "done"}, {"exit_status", exit_ok}, {"message", utf8_lossy(message)}});
}

Task<void> rest(Duration duration) {
    auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor, duration);
    auto resting = timer.async_wait(asio::use_awaitable);
    co_await std::move(resting);
}

/// Whether it is in a state that somebody should look at. A run under way does not hide how the last one ended.
bool is_bad(const status::Job& job) {
    const std::string outcome = job.last_attempt ? job.last_attempt->outcome : "";
    return status::is_trouble(job.state) || outcome == "failed" || outcome == "halted" || outcome == "partial";
}

/// Stops a run when nobody is left who wants it.
class StopAtEnd {
  public:
    StopAtEnd(EngineControl& control, std::shared_ptr<AskedRun> asked) : control_(control), asked_(std::move(asked)) {}
    ~StopAtEnd() { control_.stop(asked_, "stopped: the command that asked for it went away"); }
    StopAtEnd(const StopAtEnd&) = delete;
    StopAtEnd& operator=(const StopAtEnd&) = delete;

  private:
    EngineControl& control_;
    std::shared_ptr<AskedRun> asked_;
};

/// Tells the service manager, whatever ends the service.
struct StoppingNotice {
    ~StoppingNotice() { tell_service_manager("STOPPING=1"); }
};

}  // namespace

EngineDesk::EngineDesk(Session& session, Workbench& workbench, StatusBoard& board,
                       const status::Publication& publication, std::string socket, std::function<void()> is_up)
    : session_(session),
      workbench_(workbench),
      board_(board),
      publication_(publication),
      socket_(std::move(socket)),
      is_up_(std::move(is_up)) {}

Task<void> EngineDesk::serve(EngineControl& control) {
    control_ = &control;
    StoppingNotice notice;
    auto body = [this](Nursery& nursery) {
        std::optional<Duration> interval = watchdog_interval();
        if (interval) nursery.spawn(feed_watchdog(*interval / 2));
        return listen();
    };
    co_await with_nursery(body);
}

Task<void> EngineDesk::listen() {
    auto handler = [this](const Request& request, Connection& connection) { return answer(request, connection); };
    const status::ControlHandler answers = handler;
    std::string trouble;
    try {
        auto serving = status::serve_control(socket_, answers, is_up_);
        co_await std::move(serving);
    } catch (const Error& error) {
        trouble = error.what();
    }
    session_.output.warning(trouble + "; the jobs run all the same, but no command reaches this engine");
    is_up_();
}

/// From the engine's own thread: a thread that hangs is one that does not feed.
Task<void> EngineDesk::feed_watchdog(Duration interval) {
    while (true) {
        tell_service_manager("WATCHDOG=1");
        co_await rest(interval);
    }
}

void EngineDesk::note(const std::string& job, const std::string& lines) {
    std::deque<std::string>& kept = lines_[job];
    for (size_t begin = 0; begin < lines.size();) {
        size_t end = std::min(lines.find('\n', begin), lines.size());
        kept.push_back(format_time(wall_clock_now()) + " " + lines.substr(begin, end - begin));
        begin = end + 1;
    }
    while (kept.size() > most_lines) kept.pop_front();
}

std::string EngineDesk::whose() const {
    return "the engine of " + escape(control_->file().shown_path) + " (pid " + std::to_string(::getpid()) + ")";
}

Task<void> EngineDesk::answer(const Request& request, Connection& connection) {
    const std::string& command = request.command;
    std::string line;
    bool wants_end = command == "stop";
    bool is_run = command == "push" || command == "pull";
    if (wants_end) {
        line = dump({{"event", "stopping"}, {"exit_status", exit_ok}, {"pid", ::getpid()}});
    } else if (!is_known(command)) {
        line = error_line(exit_usage, "unknown command '" + escape(command) + "'");
    } else if (command == "status") {
        line = status_answer(request);
    } else if (is_run && (!control_->takes_up(request.file_sha256) || !control_->has_job(request.job))) {
        line = dump({{"event", "declined"}, {"exit_status", exit_locked}});
    } else if (!control_->has_job(request.job) && !(begins_schedule(request) && control_->take_on(request.job))) {
        line = error_line(exit_usage, whose() + ": " + unknown_job(control_->file(), request.job));
    }
    if (line.empty()) {
        co_await answer_for_job(request, connection);
        co_return;
    }
    auto sending = connection.send(std::move(line));
    co_await std::move(sending);
    if (wants_end) control_->stop();
}

Task<void> EngineDesk::answer_for_job(const Request& request, Connection& connection) {
    const std::string& command = request.command;
    if (command == "push" || command == "pull") co_return co_await run_job_for(request, connection);
    if (command == "wait") co_return co_await wait_for(request, connection);
    if (command == "auto" || command == "watch") co_return co_await set_schedule(request, connection);
    auto sending = connection.send(simple_answer(request));
    co_await std::move(sending);
}

std::string EngineDesk::simple_answer(const Request& request) {
    const std::string name = escape(request.job);
    if (request.command == "trigger") {
        if (control_->view(request.job).is_paused) {
            return error_line(exit_failed, name + " is paused; 'syncline resume " + name + "' lets it go on");
        }
        bool runs = control_->view(request.job).is_running;
        control_->trigger(request.job);
        return done_line(name + (runs ? ": runs once more when the run under way has ended" : ": due now"));
    }
    if (request.command == "pause") {
        control_->pause(request.job);
        board_.set_paused(request.job, true);
        return done_line(name + ": paused, until 'syncline resume " + name + "' or the engine's end");
    }
    if (request.command == "resume") {
        bool was_paused = control_->view(request.job).is_paused;
        control_->resume(request.job);
        board_.set_paused(request.job, false);
        return done_line(name + (was_paused ? ": goes on; due now" : ": was not paused"));
    }
    // Nothing was asked for when this came.
    return done_line("nothing to cancel");
}

std::string EngineDesk::status_answer(const Request& request) {
    board_.look_at_cleans();
    status::Snapshot shown = *publication_.latest();
    if (!request.job.empty()) {
        std::erase_if(shown.jobs, [&](const auto& job) { return job->name != request.job; });
        if (shown.jobs.empty()) {
            return error_line(exit_usage, whose() + ": " + unknown_job(control_->file(), request.job));
        }
    }
    TimeNs now = wall_clock_now();
    int exit_status = shown.job_file_error.empty() ? exit_ok : exit_failed;
    Json stale = Json::array();
    for (const auto& job : shown.jobs) {
        if (status::is_stale(*job, now)) stale.push_back(utf8_lossy(job->name));
        if (status::is_stale(*job, now) || is_bad(*job)) exit_status = exit_failed;
    }
    Json line{{"event", "status"}, {"exit_status", exit_status}, {"stale", std::move(stale)}};
    line["status"] = Json::parse(status::status_json(shown));
    return dump(line);
}

// ---- runs

DirectRun EngineDesk::resolve(const Request& request, const Job& job) const {
    CommandLine line;
    line.arguments = request.paths;
    line.arguments.insert(line.arguments.begin(), job.name);
    line.exclude = request.exclude;
    line.include = request.include;
    line.bucket = request.bucket;
    line.remote_dir = request.remote_dir;
    line.force = request.force;
    line.tar = request.tar;
    line.checksum = request.checksum;
    line.adopt = request.adopt;
    line.remove = request.remove;
    line.never_delete = request.never_delete;
    line.overwrite = request.overwrite;
    line.preserve = request.preserve;
    line.missing = request.missing;
    line.update = request.update;
    line.verbose = request.verbose;
    ParseEnvironment environment = session_.environment;
    if (request.directory.starts_with('/')) environment.current_directory = request.directory;
    Direction direction = request.command == "push"   ? Direction::push
                          : request.command == "pull" ? Direction::pull
                                                      : job.policy.direction;
    JobFile file = control_->file();
    file.jobs = {job};
    return resolve_direct_run(line, file, direction, environment);
}

Task<void> EngineDesk::run_job_for(const Request& request, Connection& connection) {
    std::string refusal;
    std::shared_ptr<AskedRun> asked;
    try {
        const Job& job = control_->job(request.job);
        DirectRun run = resolve(request, job);
        run.options.say = [this](const std::string& message) { session_.output.warning(message); };
        bool is_regular = !run.options.is_changed_job && !run.options.narrowed && run.options.paths.empty() &&
                          run.job.policy.direction == job.policy.direction;
        if (request.restart) {
            control_->stop_run(request.job, "stopped: a new run of it was asked for with --restart");
        }
        asked = control_->run_now(std::make_shared<const Job>(run.job), run.options, is_regular);
    } catch (const Error& error) {
        refusal = error_line(exit_status(error.code()), error.what());
    }
    if (!asked) {
        auto sending = connection.send(refusal);
        co_await std::move(sending);
        co_return;
    }
    StopAtEnd at_end(*control_, asked);
    auto telling = tell_of_run(asked, connection);
    auto watching = stop_on_cancel(asked, connection);
    auto both = first_of(std::move(telling), std::move(watching));
    co_await std::move(both);
}

Task<void> EngineDesk::tell_of_run(std::shared_ptr<AskedRun> asked, Connection& connection) {
    bool was_told = false;
    while (!asked->ending()) {
        for (const std::string& message : asked->take_messages()) {
            auto sending = connection.send(event_line("warning", message));
            co_await std::move(sending);
        }
        if (asked->progress() != nullptr && !was_told) {
            auto sending = connection.send(event_line("run_started", ""));
            co_await std::move(sending);
            was_told = true;
            continue;  // It may have ended meanwhile.
        }
        if (asked->progress() != nullptr) connection.offer(progress_line_of(*asked->progress()));
        auto change = asked->wait_for_change();
        auto pause = rest(progress_interval);
        auto either = first_of(std::move(change), std::move(pause));
        co_await std::move(either);
    }
    auto sending = connection.send(ending_line(*asked->ending()));
    co_await std::move(sending);
}

/// Never returns by itself: who stopped it hears how it ended.
Task<void> EngineDesk::stop_on_cancel(std::shared_ptr<AskedRun> asked, Connection& connection) {
    auto cancelled = connection.wait_for_cancel();
    co_await std::move(cancelled);
    control_->stop(asked, "stopped by the command that asked for it; the next run goes on from here");
    auto executor = co_await asio::this_coro::executor;
    Event never(executor);
    co_await never.wait();
}

Task<void> EngineDesk::wait_for(const Request& request, Connection& connection) {
    auto telling = tell_ending(request.job, connection);
    auto leaving = connection.wait_for_cancel();
    auto either = first_of(std::move(telling), std::move(leaving));
    co_await std::move(either);
}

Task<void> EngineDesk::tell_ending(const std::string& job, Connection& connection) {
    std::string line;
    try {
        auto waiting = control_->wait(job);
        auto ending = co_await std::move(waiting);
        line = ending ? ending_line(*ending)
                      : error_line(exit_failed, escape(job) + " has not run since the engine started, and is not due");
    } catch (const Error& error) {
        line = error_line(exit_status(error.code()), error.what());
    }
    auto sending = connection.send(line);
    co_await std::move(sending);
}

}  // namespace syncline::cli
