// Report wire: a run as an engine tells it to the command that asked for it, on the control socket. Both ends are of
// the same version, or of two that know each other's members; what is missing has its default.
#pragma once

#include <string>

#include "endpoint/endpoint.hpp"
#include "engine/control.hpp"

namespace syncline::cli {

/// {"event":"run_finished","exit_status":N,"locked":...,"report":{...}}, one line. PathLog does not travel.
std::string ending_line(const RunEnding& ending);
/// Reads the same; throws Error{failed} when it is something else.
RunEnding parse_ending(const std::string& line);

/// {"event":"progress",...}, one line.
std::string progress_line_of(const Progress& progress);
/// Takes the counters over when `line` is such a line.
void take_progress(const std::string& line, Progress& progress);

}  // namespace syncline::cli
