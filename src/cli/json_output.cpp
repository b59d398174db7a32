// One JSON event a line on standard output; `plan` prints one document instead.
#include "cli/output.hpp"
#include "cli/report_text.hpp"

namespace syncline::cli {
namespace {

class JsonOutput final : public Output {
  public:
    JsonOutput(Console& console, OutputOptions options) : console_(console), options_(options) {}

    void run_started(const std::string& job, const Progress&) override {
        if (!options_.quiet && !options_.is_document) console_.print(run_started_event(job, wall_clock_now()));
    }

    void run_finished(const RunReport& report) override {
        if (options_.verbose) print_actions(report);
        console_.print(run_finished_event(report, exit_status(report)));
    }

    void run_was_idle(const RunReport& report) override { run_finished(report); }

    void run_locked(const RunReport& report) override {
        console_.complain("syncline: " + escape(report.job) + ": " + report.error + "\n");
        console_.print(run_finished_event(report, 5));
    }

    void plans(const std::vector<RunReport>& reports, bool as_events) override {
        std::vector<const RunReport*> planned;
        for (const RunReport& report : reports) {
            bool is_planned = report.outcome != Outcome::failed && report.outcome != Outcome::cancelled;
            if (as_events) {
                print_actions(report);
                console_.print(run_finished_event(report, is_planned ? 0 : exit_status(report)));
                continue;
            }
            // A job that could not be planned is not in the document: an empty plan would read as "nothing to do".
            if (is_planned) planned.push_back(&report);
            console_.complain(trouble_lines(report, Style()));
        }
        if (!as_events) console_.print(plan_document(planned));
    }

    void explained(const Explanation& explanation) override { console_.print(explanation_line(explanation)); }
    void found(const Finding& finding) override { console_.print(finding_line(finding)); }

    void cleaned(const CleanReport& report) override { console_.print(clean_event(report, wall_clock_now())); }

    void diagnostic(const std::string& level, const Diagnostic& diagnostic) override {
        if (options_.is_document) return console_.complain(diagnostic.text() + "\n");
        console_.print(diagnostic_event(level, diagnostic, wall_clock_now()));
    }

    void checked(const std::string& file, size_t jobs, size_t errors, size_t warnings) override {
        console_.print(checked_event(file, jobs, errors, warnings, wall_clock_now()));
    }

    void info(const std::string& message) override {
        if (!options_.quiet) tell("info", message);
    }
    void warning(const std::string& message) override {
        if (!options_.quiet) tell("warning", message);
    }
    void error(const std::string& message) override { tell("error", message); }

  private:
    void print_actions(const RunReport& report) {
        std::string lines;
        for (const PlannedAction& action : report.actions)
            lines += action_event(report.job, action, report.finished_at);
        console_.print(lines);
    }

    /// Errors are read by people too. A document on standard output leaves no room for events.
    void tell(const std::string& kind, const std::string& message) {
        if (kind == "error" || options_.is_document) console_.complain("syncline: " + message + "\n");
        if (!options_.is_document) console_.print(message_event(kind, message, wall_clock_now()));
    }

    Console& console_;
    OutputOptions options_;
};

}  // namespace

std::unique_ptr<Output> make_json_output(Console& console, OutputOptions options) {
    return std::make_unique<JsonOutput>(console, options);
}

}  // namespace syncline::cli
