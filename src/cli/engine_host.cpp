#include "cli/engine_host.hpp"

#include <asio/this_coro.hpp>

#include "async/nursery.hpp"
#include "base/text.hpp"
#include "cli/engine_desk.hpp"
#include "cli/engine_place.hpp"
#include "cli/report_text.hpp"
#include "cli/service_manager.hpp"
#include "cli/status_board.hpp"
#include "engine/service.hpp"

namespace syncline::cli {
namespace {

/// Hands what the engine tells on to all who listen.
class Listeners final : public EngineObserver {
  public:
    Listeners(EngineObserver& teller, StatusBoard& board, EngineDesk& desk)
        : teller_(teller), board_(board), desk_(desk) {}

    void run_started(const Job& job, const Progress& progress) override {
        board_.run_started(job, progress);
        teller_.run_started(job, progress);
    }
    void run_finished(const RunReport& report) override {
        board_.run_finished(report);
        desk_.note(report.job, trouble_lines(report, Style()) + summary_line(report, Style()));
        teller_.run_finished(report);
    }
    void run_locked(const Job& job, const std::string& why) override {
        board_.run_locked(job, why);
        desk_.note(job.name, why);
        teller_.run_locked(job, why);
    }
    void reloaded(const JobChanges& changes, const JobFile& file) override {
        board_.reloaded(changes, file);
        teller_.reloaded(changes, file);
    }
    void reload_failed(const std::vector<Diagnostic>& errors) override { teller_.reload_failed(errors); }
    void warning(const std::string& message) override { teller_.warning(message); }
    void waiting(std::optional<TimeNs> next_start) override { teller_.waiting(next_start); }
    void scheduled(const Schedule& schedule, Moment now) override { board_.scheduled(schedule, now); }

  private:
    EngineObserver& teller_;
    StatusBoard& board_;
    EngineDesk& desk_;
};

Task<void> serve_both(StatusBoard& board, EngineDesk& desk, EngineControl& control) {
    auto body = [&](Nursery& nursery) {
        nursery.spawn(board.serve());
        return desk.serve(control);
    };
    co_await with_nursery(body);
}

}  // namespace

Task<int> host_engine(Session& session, Workbench& workbench, JobFile file, EngineOptions options, EngineParts& parts,
                      EngineObserver& observer, std::function<void()> is_up) {
    auto executor = co_await asio::this_coro::executor;
    EnginePlace place = engine_place(file.path, session.environment);
    status::Publication publication;
    JobFile chosen = file;
    keep_jobs_named(chosen, options.only_jobs);
    StatusBoard board(executor, chosen, workbench.context(), publication);
    auto up = [&] {
        tell_service_manager("READY=1\nSTATUS=" + count_of(chosen.jobs.size(), "job") + " of " +
                             escape(chosen.shown_path));
        is_up();
    };
    EngineDesk desk(session, workbench, board, publication, place.socket, up);
    Listeners listeners(observer, board, desk);
    parts.address = place.socket;
    parts.companion = [&](EngineControl& control) { return serve_both(board, desk, control); };
    auto serving = apply(std::move(file), std::move(options), parts, listeners);
    co_return co_await std::move(serving);
}

}  // namespace syncline::cli
