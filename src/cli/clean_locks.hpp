// Who cleans: one at a time, whatever started it, and a clean by hand before one in the background. The locks are the
// kernel's (state/lock.hpp), so a process that died holds none, and a PID that was left behind decides nothing.
#pragma once

#include <optional>
#include <string>

#include "state/lock.hpp"

namespace syncline::cli {

/// Of a clean in the background; nullopt when another one is at work.
struct BackgroundClean {
    FileLock background, clean;
};
std::optional<BackgroundClean> begin_background_clean(const std::string& state_directory);

/// Of a clean in the engine; nullopt when another one is at work.
std::optional<FileLock> begin_engine_clean(const std::string& state_directory);

/// Of a clean by hand: a background one is told to end and waited for, another one only waited for. Blocks. Throws
/// Error{locked} when it does not end.
FileLock begin_clean_by_hand(const std::string& state_directory);

/// Tells a background clean to end and waits for it; its PID, "" when none runs. Blocks. Throws Error{locked}.
std::string stop_background_clean(const std::string& state_directory);

}  // namespace syncline::cli
