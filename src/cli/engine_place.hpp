// Engine place: where the engine of a job file is found: its lock, its control socket and its log.
#pragma once

#include <optional>
#include <string>

#include "cli/session.hpp"
#include "status/control_client.hpp"

namespace syncline::cli {

struct EnginePlace {
    std::string job_file;  ///< its physical path
    std::string lock;      ///< held by the engine while it lives
    std::string socket;    ///< where a new one listens
    std::string log;       ///< of a detached one, unless it was told another
};

/// $XDG_RUNTIME_DIR/syncline, which need not be there yet; nullopt when the variable names no directory of the user's
/// own, as where sudo or su left it behind.
std::optional<std::string> own_runtime_directory(const ParseEnvironment& environment);

/// `job_file` as found or named; it need not be valid, only be there.
EnginePlace engine_place(const std::string& job_file, const ParseEnvironment& environment);

/// That of the job file that the command line names or finds. Throws Error{usage} when there is none.
EnginePlace engine_place(const Session& session);

/// A connection to the running engine; nullopt when none runs.
std::optional<status::ControlClient> find_engine(const EnginePlace& place);

/// The same; throws Error{failed} when none runs, and says how to start one.
status::ControlClient require_engine(const EnginePlace& place);

/// Asks, and waits for the last line of the answer, the one with an exit status. Throws Error{lost} when the engine
/// ends before it.
std::string ask(status::ControlClient& client, const status::ControlRequest& request);

/// Tells an answer's "message" and gives its "exit_status". Throws Error{failed} when it has none.
int tell_answer(Session& session, const std::string& line);

}  // namespace syncline::cli
