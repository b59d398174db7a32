// Engine host: runs an engine together with what goes along with it: its status, its control socket, and those who wait
// for it to be up.
#pragma once

#include <functional>

#include "cli/workbench.hpp"
#include "engine/engine.hpp"

namespace syncline::cli {

/// apply() with its companions, until it is cancelled or told to stop. `parts` gets what the engine needs for them;
/// `observer` hears what the engine tells. `is_up` is called once, when commands reach it.
Task<int> host_engine(Session& session, Workbench& workbench, JobFile file, EngineOptions options, EngineParts& parts,
                      EngineObserver& observer, std::function<void()> is_up);

}  // namespace syncline::cli
