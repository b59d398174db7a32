// Output: where commands report what happens. One implementation writes text for people, the other one JSON event a
// line.
//
// Used by the main thread only. Results go to standard output; progress, logs and errors to standard error.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/text.hpp"
#include "cli/clean_report.hpp"
#include "cli/console.hpp"
#include "cli/progress_text.hpp"
#include "cli/report_json.hpp"
#include "cli/style.hpp"
#include "config/diagnostic.hpp"
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

    /// `progress` lives until run_stopped of the same job, which comes on every way out.
    virtual void run_started(const std::string& job, const Progress& progress) = 0;
    virtual void run_stopped(const std::string&) {}
    virtual void run_finished(const RunReport& report) = 0;
    /// It did nothing, as a part of something else of which alone is told.
    virtual void run_was_idle(const RunReport&) {}
    /// Another run has the job; `report` says which.
    virtual void run_locked(const RunReport& report) { error(escape(report.job) + ": " + report.error); }
    /// The plans of all jobs, of `plan` and of --dry-run. `as_events` for the latter's JSON.
    virtual void plans(const std::vector<RunReport>& reports, bool as_events) = 0;
    virtual void explained(const Explanation& explanation) = 0;
    virtual void found(const Finding& finding) = 0;
    /// One host was cleaned, or would be.
    virtual void cleaned(const CleanReport& report) = 0;

    /// Something about the job file; `level` is "error" or "warning".
    /// `level` is "error" or "warning"; "trusted" or "needs trust" for what a file does beyond its directory.
    virtual void diagnostic(const std::string& level, const Diagnostic& diagnostic) = 0;
    /// The end of `check`.
    virtual void checked(const std::string& file, size_t jobs, size_t errors, size_t warnings) = 0;

    virtual void info(const std::string& message) = 0;
    virtual void warning(const std::string& message) = 0;
    virtual void error(const std::string& message) = 0;

    /// Called about ten times a second while jobs run.
    virtual void tick(TimeNs) {}
    /// A program that runs for days says when something happened, and does not say that nothing did.
    virtual void set_long_running() {}
};

/// A job is shown as running for as long as this lives.
class RunningMark {
  public:
    RunningMark(Output& output, const std::string& job, const Progress& progress) : output_(output), job_(job) {
        output_.run_started(job_, progress);
    }
    ~RunningMark() { output_.run_stopped(job_); }
    RunningMark(const RunningMark&) = delete;
    RunningMark& operator=(const RunningMark&) = delete;

  private:
    Output& output_;
    std::string job_;
};

/// `console` outlives the output.
std::unique_ptr<Output> make_output(Console& console, OutputOptions options);

}  // namespace syncline::cli
