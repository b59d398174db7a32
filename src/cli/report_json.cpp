#include "cli/report_json.hpp"

#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;

/// ASCII only, so no byte of a file name can reach a terminal as it is.
std::string dump(const Json& value) { return value.dump(-1, ' ', true); }
std::string line(const Json& value) { return dump(value) + "\n"; }

void add_path(Json& object, const std::string& path) {
    object["path"] = utf8_lossy(path);
    if (!is_utf8(path)) object["path_base64"] = base64(path);
}

Json to_json(const PlannedAction& action) {
    Json object;
    object["op"] = op_name(action.op);
    add_path(object, action.path);
    if (!action.from.empty()) object["from"] = utf8_lossy(action.from);
    object["bytes"] = action.bytes;
    object["reason"] = utf8_lossy(action.reason);
    return object;
}

Json to_json(const PlanSummary& sum) {
    Json object{{"put", sum.put},     {"mkdir", sum.mkdir},         {"delete", sum.removed},
                {"chmod", sum.chmod}, {"unchanged", sum.unchanged}, {"bytes", sum.bytes}};
    // What most runs have nothing of.
    if (sum.touched > 0) object["touch"] = sum.touched;
    if (sum.changed_there > 0) object["changed_there"] = sum.changed_there;
    if (sum.never_seen > 0) object["never_seen"] = sum.never_seen;
    if (sum.moved > 0) object["move"] = sum.moved;
    return object;
}

Json to_json(const std::vector<Halt>& halts) {
    if (halts.empty()) return nullptr;
    Json codes = Json::array();
    for (const Halt& halt : halts) codes.push_back(guard_code(halt.guard));
    Json object{{"code", codes.front()}, {"codes", codes}};
    object["detail"] = halts_text(halts, &Halt::detail);
    object["resolve"] = halts_text(halts, &Halt::resolve);
    return object;
}

Json to_json(const std::vector<Problem>& problems) {
    Json list = Json::array();
    for (const Problem& problem : problems) {
        Json object;
        add_path(object, problem.path);
        object["why"] = utf8_lossy(problem.why);
        list.push_back(std::move(object));
    }
    return list;
}

Json event(const std::string& name, TimeNs now) { return {{"event", name}, {"time", format_time(now)}}; }

/// Written piece by piece: a plan of a million actions is never held as a tree of JSON values.
/// What most runs have nothing of.
void add_left_out(Json& object, const RunReport& report) {
    if (!report.left_alone.empty()) object["left_alone"] = utf8_lossy(report.left_alone);
    if (report.ignored > 0) object["ignored"] = report.ignored;
    if (report.git_left_out) object["git_left_out"] = true;
}

void append_plan(std::string& out, const RunReport& report) {
    Json head{{"name", utf8_lossy(report.job)},
              {"direction", policy_name(report.direction)},
              {"source", utf8_lossy(report.source)},
              {"target", utf8_lossy(report.target)}};
    std::string opened = dump(head);
    opened.pop_back();
    out += opened + ",\"actions\":[";
    for (const PlannedAction& action : report.actions) out += dump(to_json(action)) + ",";
    if (!report.actions.empty()) out.pop_back();
    Json summary = to_json(report.planned);
    add_left_out(summary, report);
    out += "],\"summary\":" + dump(summary) + ",\"halt\":" + dump(to_json(report.halts)) + "}";
}

}  // namespace

std::string halts_text(const std::vector<Halt>& halts, std::string Halt::* member) {
    if (halts.size() == 1) return utf8_lossy(halts.front().*member);
    std::string out;
    for (const Halt& halt : halts) {
        if ((halt.*member).empty()) continue;
        out += (out.empty() ? "" : "; ") + std::string(guard_code(halt.guard)) + ": " + halt.*member;
    }
    return utf8_lossy(out);
}

std::string plan_document(const std::vector<const RunReport*>& reports) {
    std::string out = "{\"version\":1,\"jobs\":[";
    for (const RunReport* report : reports) {
        if (report != reports.front()) out += ",";
        append_plan(out, *report);
    }
    return out + "]}\n";
}

std::string run_started_event(const std::string& job, TimeNs now) {
    Json object = event("run_started", now);
    object["job"] = utf8_lossy(job);
    return line(object);
}

std::string run_finished_event(const RunReport& report, int exit_status) {
    Json object = event("run_finished", report.finished_at);
    object["job"] = utf8_lossy(report.job);
    object["direction"] = policy_name(report.direction);
    object["source"] = utf8_lossy(report.source);
    object["target"] = utf8_lossy(report.target);
    object["outcome"] = outcome_name(report.outcome);
    object["exit_status"] = exit_status;
    object["error"] = report.error.empty() ? Json(nullptr) : Json(utf8_lossy(report.error));
    object["started_at"] = format_time(report.started_at);
    object["finished_at"] = format_time(report.finished_at);
    object["duration_ms"] = std::max<TimeNs>(0, report.finished_at - report.started_at) / 1'000'000;
    object["scanned"] = report.scanned;
    object["planned"] = to_json(report.planned);
    object["done"] = to_json(report.done);
    add_left_out(object, report);
    object["halt"] = to_json(report.halts);
    object["problems"] = to_json(report.problems);
    object["notes"] = to_json(report.notes);
    return line(object);
}

std::string action_event(const std::string& job, const PlannedAction& action, TimeNs now) {
    Json object = event("action", now);
    object["job"] = utf8_lossy(job);
    object.update(to_json(action));
    return line(object);
}

std::string message_event(const std::string& kind, const std::string& message, TimeNs now) {
    Json object = event(kind, now);
    object["message"] = utf8_lossy(message);
    return line(object);
}

std::string diagnostic_event(const std::string& level, const Diagnostic& diagnostic, TimeNs now) {
    Json object = event("diagnostic", now);
    object["level"] = level;
    object["file"] = utf8_lossy(diagnostic.file);
    object["line"] = diagnostic.line == 0 ? Json(nullptr) : Json(diagnostic.line);
    object["column"] = diagnostic.column == 0 ? Json(nullptr) : Json(diagnostic.column);
    object["message"] = utf8_lossy(diagnostic.message);
    return line(object);
}

std::string checked_event(const std::string& file, size_t jobs, size_t errors, size_t warnings, TimeNs now) {
    Json object = event("checked", now);
    object["file"] = utf8_lossy(file);
    object["jobs"] = jobs;
    object["errors"] = errors;
    object["warnings"] = warnings;
    return line(object);
}

std::string explanation_line(const Explanation& explanation) {
    Json object{{"job", utf8_lossy(explanation.job)}};
    add_path(object, explanation.path);
    object["selected"] = explanation.is_selected;
    object["because"] = explanation.because.empty() ? Json(nullptr) : Json(utf8_lossy(explanation.because));
    object["last_run"] = explanation.last_run.empty() ? Json(nullptr) : Json(utf8_lossy(explanation.last_run));
    return line(object);
}

std::string finding_line(const Finding& finding) {
    Json object{{"level", finding.level}};
    if (!finding.subject.empty()) object["subject"] = utf8_lossy(finding.subject);
    object["message"] = utf8_lossy(finding.message);
    if (!finding.advice.empty()) object["advice"] = utf8_lossy(finding.advice);
    return line(object);
}

}  // namespace syncline::cli
