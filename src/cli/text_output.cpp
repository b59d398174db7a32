// Text for people; a status line with the progress where there is a terminal.
#include <ctime>
#include <map>

#include "base/text.hpp"
#include "cli/output.hpp"
#include "cli/report_text.hpp"

namespace syncline::cli {
namespace {

/// "2026-01-31 12:00:00 ", local time.
std::string local_time_prefix() {
    std::time_t now = std::time(nullptr);
    std::tm local{};
    ::localtime_r(&now, &local);
    char buffer[32];
    size_t size = std::strftime(buffer, sizeof buffer, "%F %T ", &local);
    return {buffer, size};
}

class TextOutput final : public Output {
  public:
    TextOutput(Console& console, OutputOptions options)
        : console_(console),
          options_(options),
          style_(console.colours_output()),
          error_style_(console.colours_errors()) {}

    void run_started(const std::string& job, const Progress& progress) override { running_.start(job, progress); }

    void run_finished(const RunReport& report) override {
        running_.finish(report.job);
        console_.complain(stamped(trouble_lines(report, error_style_)));
        if (options_.quiet) return;
        if (options_.verbose) console_.print(stamped(note_lines(report, style_)) + action_lines(report, style_));
        if (!is_dull(report)) console_.print(stamped(summary_line(report, style_)));
    }

    void plans(const std::vector<RunReport>& reports, bool) override {
        for (const RunReport& report : reports) {
            if (report.outcome != Outcome::failed && report.outcome != Outcome::cancelled && !options_.quiet) {
                console_.print(plan_text(report, style_));
                if (options_.verbose) console_.print(note_lines(report, style_));
            }
            console_.complain(trouble_lines(report, error_style_));
        }
    }

    void explained(const Explanation& explanation) override {
        std::string line = style_.bold(escape(explanation.job)) + ": " + escape(explanation.path) + " is " +
                           (explanation.is_selected ? style_.green("selected") : style_.yellow("not selected"));
        if (!explanation.because.empty()) line += ": " + explanation.because;
        console_.print(line + "\n");
        if (!explanation.last_run.empty()) console_.print("  " + explanation.last_run + "\n");
    }

    void found(const Finding& finding) override {
        bool is_ok = finding.level == "ok";
        if (is_ok && options_.quiet) return;
        std::string mark = is_ok                        ? style_.green("ok     ")
                           : finding.level == "warning" ? style_.yellow("warning")
                                                        : style_.red("error  ");
        std::string line =
            mark + " " + (finding.subject.empty() ? "" : escape(finding.subject) + ": ") + finding.message;
        if (!finding.advice.empty()) line += "\n        -> " + finding.advice;
        console_.print(line + "\n");
    }

    void info(const std::string& message) override {
        if (!options_.quiet) console_.print(stamped(message + "\n"));
    }
    void warning(const std::string& message) override {
        if (!options_.quiet)
            console_.complain(stamped("syncline: " + error_style_.yellow("warning") + ": " + message + "\n"));
    }
    void error(const std::string& message) override { console_.complain(stamped("syncline: " + message + "\n")); }

    void tick(TimeNs now) override {
        if (!options_.quiet && console_.has_status_line()) console_.draw_status(running_.line(now));
    }
    void set_long_running() override { is_long_running_ = true; }

  private:
    std::string stamped(std::string lines) const {
        return is_long_running_ && !lines.empty() ? local_time_prefix() + lines : lines;
    }

    /// Whether the run did nothing, as the job's last one did, and nobody asked for each of them.
    bool is_dull(const RunReport& report) {
        const PlanSummary& done = report.done;
        bool did_nothing = done.put + done.mkdir + done.removed + done.chmod == 0 && report.outcome == Outcome::success;
        bool was_told = !told_.insert(report.job).second;
        return is_long_running_ && !options_.verbose && did_nothing && was_told;
    }

    Console& console_;
    OutputOptions options_;
    Style style_, error_style_;
    RunningJobs running_;
    std::set<std::string> told_;
    bool is_long_running_ = false;
};

}  // namespace

std::unique_ptr<Output> make_text_output(Console& console, OutputOptions options) {
    return std::make_unique<TextOutput>(console, options);
}

}  // namespace syncline::cli
