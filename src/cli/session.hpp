// Session: what every command gets, and how one ends before its time.
#pragma once

#include "cli/command_line.hpp"
#include "cli/console.hpp"
#include "cli/output.hpp"
#include "config/environment.hpp"

namespace syncline::cli {

/// Lives as long as the command; all of it belongs to the main thread.
struct Session {
    const CommandLine& line;
    Console& console;
    Output& output;
    ParseEnvironment environment;
};

/// Ends a command whose errors have all been told.
struct Reported {
    int status;
};

}  // namespace syncline::cli
