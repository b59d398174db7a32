#include "status/metrics.hpp"

#include <charconv>
#include <functional>

#include "base/text.hpp"

namespace syncline::status {
namespace {

/// A label's value: backslash, quote and line feed are escaped, all else is UTF-8 as it is.
std::string label_value(std::string_view value) {
    std::string out = "\"";
    for (char c : utf8_lossy(value)) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out + "\"";
}

/// Nanoseconds as seconds, to the millisecond.
std::string seconds(TimeNs time) {
    char buffer[64];
    TimeNs milliseconds = time / 1'000'000;
    double value = static_cast<double>(milliseconds) / 1000;
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, 3).ptr;
    return {buffer, end};
}

/// One line is written after the other, grouped by name, as the format demands.
class Writer {
  public:
    Writer(const Snapshot& snapshot) : snapshot_(snapshot) {}

    void begin(const std::string& name, const std::string& type, const std::string& help) {
        name_ = "syncline_" + name;
        text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
    }
    void add(const std::string& labels, const std::string& value) {
        text_ += name_ + "{" + labels + "} " + value + "\n";
    }
    void add_plain(const std::string& value) { text_ += name_ + " " + value + "\n"; }

    /// A value of each job; none for a job that `value` gives "" for.
    void for_jobs(const std::string& name, const std::string& type, const std::string& help,
                  const std::function<std::string(const Job&)>& value) {
        begin(name, type, help);
        for (const auto& job : snapshot_.jobs) {
            std::string text = value(*job);
            if (!text.empty()) add("job=" + label_value(job->name), text);
        }
    }

    std::string take() { return std::move(text_); }

  private:
    const Snapshot& snapshot_;
    std::string name_, text_;
};

std::string flag(bool value) { return value ? "1" : "0"; }

/// A member of a run that may not have been, as a number.
template <class Value>
auto of_run(std::optional<Run> Job::* run, Value value) {
    return [run, value](const Job& job) -> std::string { return job.*run ? value(*(job.*run)) : ""; };
}

void write_states(Writer& out, const Snapshot& snapshot) {
    out.begin("job_state", "gauge", "1 for the state that the job is in, 0 for the others.");
    for (const auto& job : snapshot.jobs) {
        for (size_t i = 0; i < job_states; ++i) {
            auto state = static_cast<JobState>(i);
            out.add("job=" + label_value(job->name) + ",state=" + label_value(state_name(state)),
                    flag(job->state == state));
        }
    }
}

void write_run_counts(Writer& out, const Snapshot& snapshot) {
    out.begin("job_runs_total", "counter", "Runs that have ended since the engine started.");
    for (const auto& job : snapshot.jobs) {
        for (size_t i = 0; i < outcome_names.size(); ++i) {
            out.add("job=" + label_value(job->name) + ",outcome=" + label_value(outcome_names[i]),
                    std::to_string(job->totals.runs[i]));
        }
    }
}

void write_times(Writer& out, TimeNs now) {
    auto finished = [](const Run& run) { return seconds(run.finished_at); };
    out.for_jobs("job_last_success_timestamp_seconds", "gauge", "When the last success ended, since 1970.",
                 of_run(&Job::last_success, finished));
    out.for_jobs("job_last_attempt_timestamp_seconds", "gauge", "When the last run ended, since 1970.",
                 of_run(&Job::last_attempt, finished));
    out.for_jobs("job_next_run_timestamp_seconds", "gauge", "When the next run is to start, since 1970.",
                 [](const Job& job) { return job.next_run_at ? seconds(*job.next_run_at) : ""; });
    out.for_jobs("job_max_staleness_seconds", "gauge", "The job's max_staleness.", [](const Job& job) -> std::string {
        return job.max_staleness ? seconds(std::chrono::nanoseconds(*job.max_staleness).count()) : "";
    });
    out.for_jobs("job_stale", "gauge", "1 when the last success is older than max_staleness.",
                 [now](const Job& job) { return flag(is_stale(job, now)); });
}

void write_last_run(Writer& out) {
    out.for_jobs("job_last_run_duration_seconds", "gauge", "How long the last run took.",
                 of_run(&Job::last_attempt,
                        [](const Run& run) { return seconds(std::max<TimeNs>(0, run.finished_at - run.started_at)); }));
    auto member = [](uint64_t Run::* count) { return [count](const Run& run) { return std::to_string(run.*count); }; };
    out.for_jobs("job_last_run_scanned_entries", "gauge", "Entries of both sides that the last run listed.",
                 of_run(&Job::last_attempt, member(&Run::scanned)));
    out.for_jobs("job_last_run_files", "gauge", "Files that the last run put.",
                 of_run(&Job::last_attempt, member(&Run::put)));
    out.for_jobs("job_last_run_deletes", "gauge", "Entries that the last run deleted.",
                 of_run(&Job::last_attempt, member(&Run::deleted)));
    out.for_jobs("job_last_run_bytes", "gauge", "Bytes of the files that the last run put.",
                 of_run(&Job::last_attempt, member(&Run::bytes_sent)));
}

void write_totals(Writer& out) {
    auto total = [](uint64_t Totals::* count) {
        return [count](const Job& job) { return std::to_string(job.totals.*count); };
    };
    out.for_jobs("job_files_total", "counter", "Files put since the engine started.", total(&Totals::put));
    out.for_jobs("job_deletes_total", "counter", "Entries deleted since the engine started.", total(&Totals::deleted));
    out.for_jobs("job_bytes_total", "counter", "Bytes of the files put since the engine started.",
                 total(&Totals::bytes_sent));
}

void write_health(Writer& out) {
    out.for_jobs("job_problems", "gauge", "Paths that the last run had trouble with.",
                 [](const Job& job) { return std::to_string(job.problem_count); });
    out.for_jobs("job_halted", "gauge", "1 when a guard halted the last run.",
                 [](const Job& job) { return flag(job.halt.has_value()); });
    out.for_jobs("job_watch_active", "gauge", "1 while a watcher sees the job's changes.",
                 [](const Job& job) { return flag(job.watch.active); });
    out.for_jobs("job_watch_pending", "gauge", "Changed paths that no run has taken up yet.",
                 [](const Job& job) { return std::to_string(job.watch.pending); });
    out.for_jobs("job_watch_overflowed", "gauge", "1 when changes were lost and a full scan is due.",
                 [](const Job& job) { return flag(job.watch.overflowed); });
}

void write_progress(Writer& out) {
    auto amount = [](uint64_t Amounts::* count) {
        return [count](const Job& job) { return std::to_string(job.progress.*count); };
    };
    out.for_jobs("job_progress_files_done", "gauge", "Files done in the run under way, or in the last one.",
                 amount(&Amounts::files_done));
    out.for_jobs("job_progress_files_planned", "gauge", "Files to do in that run.", amount(&Amounts::files_total));
    out.for_jobs("job_progress_bytes_done", "gauge", "Bytes done in that run.", amount(&Amounts::bytes_done));
    out.for_jobs("job_progress_bytes_planned", "gauge", "Bytes to do in that run.", amount(&Amounts::bytes_total));
}

}  // namespace

std::string metrics_text(const Snapshot& snapshot, TimeNs now) {
    Writer out(snapshot);
    out.begin("build_info", "gauge", "1, with the version of the engine.");
    out.add("version=" + label_value(snapshot.version), "1");
    out.begin("start_time_seconds", "gauge", "When the engine started, since 1970.");
    out.add_plain(seconds(snapshot.started_at));
    out.begin("job_file_error", "gauge", "1 while the job file on disk is not what runs.");
    out.add_plain(flag(!snapshot.job_file_error.empty()));
    write_states(out, snapshot);
    write_run_counts(out, snapshot);
    write_times(out, now);
    write_last_run(out);
    write_totals(out);
    write_health(out);
    write_progress(out);
    return out.take();
}

}  // namespace syncline::status
