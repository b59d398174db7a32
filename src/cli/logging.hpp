// Logging: what the parts of the program write down while they work. The file gets all of it; the terminal gets
// warnings only, with -v everything from "info" on.
#pragma once

#include <memory>
#include <string>

#include "cli/console.hpp"
#include "cli/output.hpp"

namespace syncline::cli {

struct LogOptions {
    std::string file;      ///< "" for none; 5 MiB each, 3 old ones kept, readable by the owner only
    bool verbose = false;  ///< the file gets "debug" too
    bool quiet = false;
};

/// Installs the process's logger. `console` outlives it: end_logging() comes first. Throws Error{usage} when the file
/// cannot be opened.
void begin_logging(Console& console, const LogOptions& options);
void end_logging();

/// Tells `inner` all that it is told, and writes it to the log file too. Needs begin_logging with a file.
std::unique_ptr<Output> make_logged_output(std::unique_ptr<Output> inner);

}  // namespace syncline::cli
