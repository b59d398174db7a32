#include "cli/report_text.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "base/text.hpp"

namespace syncline::cli {
namespace {

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : ", ") + part;
    return out;
}

std::string counted(uint64_t count, const std::string& one, const std::string& many) {
    return grouped(count) + " " + (count == 1 ? one : many);
}

std::string job_name(const RunReport& report, const Style& style) { return style.bold(escape(report.job)) + ": "; }

/// Nanoseconds between start and end, as a Duration; a clock that was set back makes it zero.
Duration time_taken(const RunReport& report) {
    TimeNs span = std::max<TimeNs>(0, report.finished_at - report.started_at);
    return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(span));
}

bool is_empty(const PlanSummary& sum) {
    return sum.put + sum.mkdir + sum.removed + sum.rmdir + sum.chmod + sum.touched + sum.moved == 0;
}

/// What was overwritten although it was not what the last sync left there.
std::string overwritten_part(const PlanSummary& sum, Direction direction) {
    std::string text;
    if (sum.changed_there > 0) {
        text = grouped(sum.changed_there) + " of them had been changed " +
               (direction == Direction::push ? "there" : "here");
    }
    if (sum.never_seen > 0) {
        text += (text.empty() ? "" : ", ") + ("overwriting " + grouped(sum.never_seen)) + " that syncline never saw";
    }
    return text.empty() ? "" : " (" + text + ")";
}

/// What of the source no rule selects: "3 ignored, .git left out".
void add_left_out(std::vector<std::string>& parts, const RunReport& report) {
    if (report.ignored > 0) parts.push_back(grouped(report.ignored) + " ignored");
    if (report.git_left_out) parts.emplace_back(".git left out");
}

std::vector<std::string> done_parts(const PlanSummary& done, Direction direction) {
    std::vector<std::string> parts;
    if (done.put > 0) parts.push_back(grouped(done.put) + " put" + overwritten_part(done, direction));
    if (done.mkdir > 0) parts.push_back(counted(done.mkdir, "directory", "directories"));
    if (done.removed > 0) parts.push_back(grouped(done.removed) + " deleted");
    if (done.rmdir > 0) parts.push_back(counted(done.rmdir, "directory", "directories") + " removed");
    if (done.chmod > 0) parts.push_back(counted(done.chmod, "mode", "modes"));
    if (done.touched > 0) parts.push_back(grouped(done.touched) + " touched");
    if (done.moved > 0) parts.push_back(grouped(done.moved) + " renamed");
    return parts;
}

std::string sign(Op op, const Style& style) {
    switch (op) {
        case Op::put:
        case Op::mkdir:
        case Op::symlink: return style.green("+");
        case Op::move:
        case Op::chmod:
        case Op::touch: return style.yellow("~");
        case Op::remove:
        case Op::rmdir: return style.red("-");
        case Op::conflict: return style.yellow("!");
    }
    return " ";
}

std::string padded(std::string_view text, size_t width) {
    std::string out(text);
    out.resize(std::max(width, out.size()), ' ');
    return out;
}

std::string shown_path(const std::string& path) { return path.empty() ? "." : escape(path); }

std::string problem_lines(const RunReport& report, const Style& style) {
    std::string out;
    for (const Problem& problem : report.problems) {
        out += job_name(report, style) + style.red(shown_path(problem.path)) + ": " + escape(problem.why) + "\n";
    }
    return out;
}

std::string halt_lines(const RunReport& report, const Style& style) {
    if (report.halts.empty()) return {};
    std::string out = job_name(report, style) + style.red("halted") + ", nothing was changed\n";
    for (const Halt& halt : report.halts) {
        out += "  " + style.red(guard_code(halt.guard)) + ": " + halt.detail + "\n";
        if (!halt.resolve.empty()) out += "    way out: " + halt.resolve + "\n";
    }
    return out;
}

}  // namespace

std::string grouped(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
    return digits;
}

std::string summary_line(const RunReport& report, const Style& style) {
    std::string time = format_duration(time_taken(report));
    std::vector<std::string> parts = done_parts(report.done, report.direction);
    bool has_ended = report.outcome == Outcome::success || report.outcome == Outcome::partial;
    if (!has_ended) {
        if (parts.empty()) return {};
        return job_name(report, style) + "broken off after " + joined(parts) + ", " +
               format_byte_count(report.done.bytes) + " in " + time + "\n";
    }
    if (parts.empty() && report.problems.empty()) {
        if (!report.left_alone.empty()) return job_name(report, style) + "nothing to do; " + report.left_alone + "\n";
        parts.push_back(counted(report.done.unchanged, "entry", "entries"));
        add_left_out(parts, report);
        return job_name(report, style) + "nothing to do (" + joined(parts) + ", " + time + ")\n";
    }
    parts.push_back(grouped(report.done.unchanged) + " unchanged");
    add_left_out(parts, report);
    if (!report.problems.empty()) parts.push_back(counted(report.problems.size(), "problem", "problems"));
    std::string left = report.left_alone.empty() ? "" : "; " + report.left_alone;
    return job_name(report, style) + joined(parts) + ", " + format_byte_count(report.done.bytes) + " in " + time +
           left + "\n";
}

std::string trouble_lines(const RunReport& report, const Style& style) {
    std::string out = halt_lines(report, style);
    if (report.outcome == Outcome::failed)
        out += job_name(report, style) + style.red("failed") + ": " + report.error + "\n";
    if (report.outcome == Outcome::cancelled) {
        const std::string kept = "; what was done is verified and recorded";
        out += job_name(report, style) + style.red("cancelled") + (report.error.empty() ? "" : ": " + report.error) +
               kept + "\n";
    }
    return out + problem_lines(report, style);
}

std::string note_lines(const RunReport& report, const Style& style, size_t most) {
    std::string out;
    for (const Problem& note : std::span(report.notes).first(std::min(most, report.notes.size()))) {
        out += job_name(report, style) + shown_path(note.path) + ": " + style.faint(escape(note.why)) + "\n";
    }
    if (report.notes.size() > most) {
        out += job_name(report, style) + grouped(report.notes.size() - most) + " more notes (-v shows them)\n";
    }
    return out;
}

std::string action_lines(const RunReport& report, const Style& style) {
    std::string out;
    for (const PlannedAction& action : report.actions) {
        std::string size = action.op == Op::put ? ", " + format_byte_count(action.bytes) : "";
        if (action.op == Op::move) size = ", from " + escape(action.from);
        out += "  " + sign(action.op, style) + " " + padded(op_name(action.op), 8) + " " + escape(action.path) + "  " +
               style.faint("(" + action.reason + size + ")") + "\n";
    }
    return out;
}

std::string plan_text(const RunReport& report, const Style& style) {
    std::string out = job_name(report, style) + std::string(policy_name(report.direction)) + " " + report.source +
                      " -> " + report.target + "\n" + action_lines(report, style);
    const PlanSummary& sum = report.planned;
    std::string left = report.left_alone.empty() ? "" : "; " + report.left_alone;
    if (is_empty(sum) && report.actions.empty()) {
        if (!left.empty()) return out + "  nothing to do" + left + "\n";
        std::vector<std::string> parts{counted(sum.unchanged, "entry", "entries") + " unchanged"};
        add_left_out(parts, report);
        return out + "  nothing to do, " + joined(parts) + "\n";
    }
    std::vector<std::string> parts{grouped(sum.put) + " to put" + overwritten_part(sum, report.direction)};
    if (sum.mkdir > 0) parts.push_back(counted(sum.mkdir, "directory", "directories") + " to make");
    if (sum.chmod > 0) parts.push_back(counted(sum.chmod, "mode", "modes") + " to set");
    if (sum.touched > 0) parts.push_back(grouped(sum.touched) + " to touch");
    if (sum.moved > 0) parts.push_back(grouped(sum.moved) + " to rename");
    parts.push_back(grouped(sum.removed) + " to delete");
    if (sum.rmdir > 0) parts.push_back(counted(sum.rmdir, "directory", "directories") + " to remove");
    parts.push_back(grouped(sum.unchanged) + " unchanged");
    add_left_out(parts, report);
    return out + "  " + joined(parts) + ", " + format_byte_count(sum.bytes) + left + "\n";
}

}  // namespace syncline::cli
