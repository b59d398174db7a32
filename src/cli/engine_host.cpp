#include "cli/engine_host.hpp"

#include <asio/this_coro.hpp>

#include "async/nursery.hpp"
#include "base/text.hpp"
#include "cli/engine_desk.hpp"
#include "cli/engine_place.hpp"
#include "cli/observers.hpp"
#include "cli/report_text.hpp"
#include "cli/service_manager.hpp"
#include "cli/status_board.hpp"
#include "cli/status_endpoint.hpp"
#include "engine/service.hpp"

namespace syncline::cli {
namespace {

/// Keeps what is told of jobs for `auto --status`.
class Notes final : public EngineObserver {
  public:
    explicit Notes(EngineDesk& desk) : desk_(desk) {}

    void run_finished(const RunReport& report) override {
        desk_.note(report.job, trouble_lines(report, Style()) + summary_line(report, Style()));
    }
    void run_locked(const Job& job, const std::string& why) override { desk_.note(job.name, why); }

  private:
    EngineDesk& desk_;
};

/// The board hears of cleans as long as this lives.
class CleansTold {
  public:
    CleansTold(Workbench& workbench, StatusBoard& board) : workbench_(workbench) {
        workbench_.when_cleaned([&board] { board.look_at_cleans(); });
    }
    ~CleansTold() { workbench_.when_cleaned({}); }
    CleansTold(const CleansTold&) = delete;

  private:
    Workbench& workbench_;
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
    CleansTold cleans_told(workbench, board);
    auto up = [&] {
        tell_service_manager("READY=1\nSTATUS=" + count_of(chosen.jobs.size(), "job") + " of " +
                             escape(chosen.shown_path));
        is_up();
    };
    EngineDesk desk(session, workbench, board, publication, place.socket, up);
    StatusEndpoint endpoint(file.status_listen, publication, session.output);
    Notes notes(desk);
    Observers observers({&board, &endpoint, &notes, &observer});
    parts.began = [&endpoint] { endpoint.start(); };
    parts.address = place.socket;
    parts.companion = [&](EngineControl& control) { return serve_both(board, desk, control); };
    auto serving = apply(std::move(file), std::move(options), parts, observers);
    co_return co_await std::move(serving);
}

}  // namespace syncline::cli
