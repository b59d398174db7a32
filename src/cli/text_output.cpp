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

    void run_stopped(const std::string& job) override {
        running_.finish(job);
        // What comes next may be another program's.
        if (running_.is_empty()) console_.draw_status("");
    }

    void run_finished(const RunReport& report) override {
        console_.complain(stamped(trouble_lines(report, error_style_)));
        if (options_.quiet) return;
        // Somebody waits for this run; an engine would say the same things every minute.
        if (options_.verbose || !is_long_running_) console_.print(stamped(note_lines(report, style_, most_notes())));
        if (options_.verbose) console_.print(action_lines(report, style_));
        if (!is_dull(report)) console_.print(stamped(summary_line(report, style_)));
    }

    void plans(const std::vector<RunReport>& reports, bool) override {
        for (const RunReport& report : reports) {
            if (report.outcome != Outcome::failed && report.outcome != Outcome::cancelled && !options_.quiet) {
                console_.print(plan_text(report, style_));
                console_.print(note_lines(report, style_, most_notes()));
            }
            console_.complain(trouble_lines(report, error_style_));
        }
    }

    void explained(const Explanation& explanation) override {
        std::string path = explanation.path.empty() ? "." : escape(explanation.path);
        console_.print(style_.bold(escape(explanation.job)) + ": " + path + verdict(explanation) + "\n");
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

    void cleaned(const CleanReport& report) override {
        if (!options_.quiet) console_.print(stamped(clean_text(report, style_, options_.verbose)));
        console_.complain(stamped(clean_trouble(report)));
    }

    void diagnostic(const std::string& level, const Diagnostic& diagnostic) override {
        bool is_error = level == "error";
        if (options_.quiet && !is_error) return;
        if (!is_error && level != "warning") return console_.print(level + ": " + diagnostic.text() + "\n");
        console_.complain(stamped((is_error ? "" : error_style_.yellow("warning: ")) + diagnostic.text() + "\n"));
    }

    void checked(const std::string& file, size_t jobs, size_t errors, size_t) override {
        std::string result = errors == 0 ? style_.green("no errors") : style_.red(count_of(errors, "error"));
        if (!options_.quiet) console_.print(escape(file) + ": " + count_of(jobs, "job") + ", " + result + "\n");
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
        if (!options_.quiet && console_.has_status_line())
            console_.draw_status(running_.line(now, console_.status_width()));
    }
    void set_long_running() override { is_long_running_ = true; }

  private:
    size_t most_notes() const { return options_.verbose ? SIZE_MAX : 10; }

    std::string stamped(std::string lines) const {
        return is_long_running_ && !lines.empty() ? local_time_prefix() + lines : lines;
    }

    std::string verdict(const Explanation& explanation) const {
        const std::string& because = explanation.because;
        if (explanation.is_selected) return " is " + style_.green("selected") + (because.empty() ? "" : ": " + because);
        // "FILE:LINE: 'RULE'" ignores it; other reasons are sentences.
        bool is_rule = because.ends_with("'") || because.ends_with(")");
        return is_rule ? " is " + style_.yellow("ignored") + " by " + because
                       : " is " + style_.yellow("not selected") + ": " + because;
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
