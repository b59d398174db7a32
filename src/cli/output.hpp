// Output: where commands report what happens. One implementation writes text for people, the other one JSON event a
// line.
//
// Used by the main thread only. Results go to standard output; progress, logs and errors to standard error.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "cli/console.hpp"
#include "cli/progress_text.hpp"
#include "cli/report_json.hpp"
#include "cli/style.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

struct OutputOptions {
    bool json = false;
    bool is_document = false;  ///< json: standard output gets one document, messages go to standard error
    bool verbose = false;      ///< each action, notes, runs that did nothing
    bool quiet = false;        ///< errors only
};

class Output {
  public:
    virtual ~Output() = default;

    /// `progress` lives until run_finished of the same job.
    virtual void run_started(const std::string& job, const Progress& progress) = 0;
    virtual void run_finished(const RunReport& report) = 0;
    /// The plans of all jobs, of `plan` and of --dry-run. `as_events` for the latter's JSON.
    virtual void plans(const std::vector<RunReport>& reports, bool as_events) = 0;
    virtual void explained(const Explanation& explanation) = 0;
    virtual void found(const Finding& finding) = 0;

    virtual void info(const std::string& message) = 0;
    virtual void warning(const std::string& message) = 0;
    virtual void error(const std::string& message) = 0;

    /// Called about ten times a second while jobs run.
    virtual void tick(TimeNs) {}
    /// A program that runs for days says when something happened, and does not say that nothing did.
    virtual void set_long_running() {}
};

/// `console` outlives the output.
std::unique_ptr<Output> make_output(Console& console, OutputOptions options);

}  // namespace syncline::cli
