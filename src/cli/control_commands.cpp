// The commands that only talk to the running engine: trigger, pause, resume, stop and wait.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/engine_place.hpp"
#include "cli/exit_status.hpp"
#include "cli/report_wire.hpp"
#include "state/lock.hpp"

namespace syncline::cli {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(20);

status::ControlRequest request_for(const Session& session) {
    status::ControlRequest request;
    request.command = command_spec(session.line.command).name;
    if (!session.line.arguments.empty()) request.job = session.line.arguments.front();
    return request;
}

/// The engine has ended when the kernel took its lock away: then the next one can start.
void await_end(const EnginePlace& place, int pid) {
    while (lock_holder(place.lock) == pid) std::this_thread::sleep_for(look_interval);
}

}  // namespace

int control_command(Session& session) {
    status::ControlClient engine = require_engine(engine_place(session));
    return tell_answer(session, ask(engine, request_for(session)));
}

int stop_command(Session& session) {
    EnginePlace place = engine_place(session);
    status::ControlClient engine = require_engine(place);
    nlohmann::ordered_json answer = nlohmann::ordered_json::parse(ask(engine, request_for(session)), nullptr, false);
    int pid = answer.is_object() && answer.contains("pid") && answer["pid"].is_number_integer()
                  ? answer["pid"].get<int>()
                  : lock_holder(place.lock).value_or(0);
    await_end(place, pid);
    session.output.info("the engine of " + escape(place.job_file) + " (pid " + std::to_string(pid) + ") has ended");
    return exit_ok;
}

int wait_command(Session& session) {
    status::ControlClient engine = require_engine(engine_place(session));
    std::string line = ask(engine, request_for(session));
    if (line.find("\"event\":\"run_finished\"") == std::string::npos) return tell_answer(session, line);
    RunEnding ending = parse_ending(line);
    if (ending.was_locked) {
        session.output.run_locked(ending.report);
    } else {
        session.output.run_finished(ending.report);
    }
    return exit_status(ending);
}

}  // namespace syncline::cli
