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

/// `job_file` as found or named; it need not be valid, only be there.
EnginePlace engine_place(const std::string& job_file, const ParseEnvironment& environment);

/// A connection to the running engine; nullopt when none runs.
std::optional<status::ControlClient> find_engine(const EnginePlace& place);

}  // namespace syncline::cli
