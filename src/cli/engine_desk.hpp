// EngineDesk: answers what comes in over the control socket of a running engine, and tells those who wait for it that
// it is up. What a request means for the jobs is EngineControl's; here it gets its words.
//
// Engine's thread; outlives the engine.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/direct_run.hpp"
#include "cli/status_board.hpp"
#include "cli/workbench.hpp"
#include "engine/control.hpp"
#include "status/control_server.hpp"

namespace syncline::cli {

class EngineDesk {
  public:
    /// `socket` is where it listens; `is_up` is called once, when it does.
    EngineDesk(Session& session, Workbench& workbench, StatusBoard& board, const status::Publication& publication,
               std::string socket, std::function<void()> is_up);

    /// Goes along with the engine (EngineParts::companion).
    Task<void> serve(EngineControl& control);

    /// Keeps a line for `auto --status`: what was told of a job, the last ones.
    void note(const std::string& job, const std::string& lines);

  private:
    using Request = status::ControlRequest;
    using Connection = status::ControlConnection;

    Task<void> listen();
    static Task<void> feed_watchdog(Duration interval);
    Task<void> answer(const Request& request, Connection& connection);
    Task<void> answer_for_job(const Request& request, Connection& connection);
    std::string simple_answer(const Request& request);
    std::string status_answer(const Request& request);

    Task<void> run_job_for(const Request& request, Connection& connection);
    Task<void> tell_of_run(std::shared_ptr<AskedRun> asked, Connection& connection);
    Task<void> stop_on_cancel(std::shared_ptr<AskedRun> asked, Connection& connection);
    Task<void> wait_for(const Request& request, Connection& connection);
    Task<void> tell_ending(const std::string& job, Connection& connection);

    Task<void> set_schedule(const Request& request, Connection& connection);
    std::string schedule_status(const Request& request);
    std::string stop_schedule(const Request& request);
    std::string start_schedule(const Request& request);
    JobEdit edit_for(const Request& request) const;
    /// What stands against a schedule that may delete: "" for nothing.
    Task<std::string> reason_against(std::shared_ptr<const Job> job);
    Task<bool> was_synced(const Job& job);

    DirectRun resolve(const Request& request, const Job& job) const;
    std::string whose() const;

    Session& session_;
    Workbench& workbench_;
    StatusBoard& board_;
    const status::Publication& publication_;
    std::string socket_;
    std::function<void()> is_up_;
    EngineControl* control_ = nullptr;
    std::map<std::string, std::deque<std::string>> lines_;
};

}  // namespace syncline::cli
