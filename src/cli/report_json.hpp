// Report JSON: runs, plans and diagnostics for programs (design: JSON). All text is ASCII: other characters are \u
// escapes, and a path that is not UTF-8 has U+FFFD in `path` and its exact bytes in `path_base64`.
#pragma once

#include <string>
#include <vector>

#include "config/diagnostic.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

/// `member` of all halts in one sentence; with several guards, each part is preceded by its code.
std::string halts_text(const std::vector<Halt>& halts, std::string Halt::* member);

/// The one document of `plan --json`, with a newline.
std::string plan_document(const std::vector<const RunReport*>& reports);

// Events: one line each, with a newline. Every one has "event" and "time".

std::string run_started_event(const std::string& job, TimeNs now);
std::string run_finished_event(const RunReport& report, int exit_status);
/// An action of a plan or, with -v, of a run.
std::string action_event(const std::string& job, const PlannedAction& action, TimeNs now);
/// `kind` is "error", "warning" or "info".
std::string message_event(const std::string& kind, const std::string& message, TimeNs now);

std::string diagnostic_event(const std::string& level, const Diagnostic& diagnostic, TimeNs now);
std::string checked_event(const std::string& file, size_t jobs, size_t errors, size_t warnings, TimeNs now);

/// One line of `explain`.
struct Explanation {
    std::string job, path;  ///< below the job's root
    bool is_selected = false;
    std::string because;   ///< "" when no rule decided
    std::string last_run;  ///< a sentence; "" when none is recorded
};
std::string explanation_line(const Explanation& explanation);

/// One line of `doctor`.
struct Finding {
    std::string level;  ///< "ok", "warning", "error"
    std::string subject, message, advice;
};
std::string finding_line(const Finding& finding);

}  // namespace syncline::cli
