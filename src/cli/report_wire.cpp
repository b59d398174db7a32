#include "cli/report_wire.hpp"

#include <nlohmann/json.hpp>

#include "status/control_request.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;
using status::bytes_to_json;

std::string wire_line(const Json& value) { return value.dump(-1, ' ', true) + "\n"; }

std::string text(const Json& object, const char* name) {
    auto found = object.find(name);
    return found == object.end() ? "" : status::bytes_from_json(*found).value_or("");
}

uint64_t count(const Json& object, const char* name) { return object.value(name, uint64_t{0}); }

Json summary_to_wire(const PlanSummary& sum) {
    return {{"put", sum.put},
            {"mkdir", sum.mkdir},
            {"delete", sum.removed},
            {"chmod", sum.chmod},
            {"unchanged", sum.unchanged},
            {"bytes", sum.bytes},
            {"rmdir", sum.rmdir},
            {"touch", sum.touched},
            {"changed_there", sum.changed_there},
            {"never_seen", sum.never_seen},
            {"move", sum.moved}};
}

PlanSummary summary_from(const Json& report, const char* name) {
    const Json object = report.value(name, Json::object());
    return {count(object, "put"),        count(object, "mkdir"),     count(object, "delete"),
            count(object, "chmod"),      count(object, "unchanged"), count(object, "bytes"),
            count(object, "rmdir"),      count(object, "touch"),     count(object, "changed_there"),
            count(object, "never_seen"), count(object, "move")};
}

Json problems_to_wire(const std::vector<Problem>& problems) {
    Json list = Json::array();
    for (const Problem& problem : problems) {
        list.push_back({{"path", bytes_to_json(problem.path)}, {"why", bytes_to_json(problem.why)}});
    }
    return list;
}

std::vector<Problem> problems_from(const Json& report, const char* name) {
    std::vector<Problem> problems;
    for (const Json& object : report.value(name, Json::array())) {
        problems.push_back({text(object, "path"), text(object, "why")});
    }
    return problems;
}

Json halts_to_json(const std::vector<Halt>& halts) {
    Json list = Json::array();
    for (const Halt& halt : halts) {
        list.push_back({{"guard", static_cast<int>(halt.guard)},
                        {"detail", bytes_to_json(halt.detail)},
                        {"resolve", bytes_to_json(halt.resolve)}});
    }
    return list;
}

std::vector<Halt> halts_from(const Json& report) {
    std::vector<Halt> halts;
    for (const Json& object : report.value("halts", Json::array())) {
        int guard = object.value("guard", -1);
        if (guard < 0 || guard > static_cast<int>(Guard::watcher_inactive)) continue;
        halts.push_back({static_cast<Guard>(guard), text(object, "detail"), text(object, "resolve")});
    }
    return halts;
}

Json actions_to_json(const std::vector<PlannedAction>& actions) {
    Json list = Json::array();
    for (const PlannedAction& action : actions) {
        list.push_back({{"op", static_cast<int>(action.op)},
                        {"path", bytes_to_json(action.path)},
                        {"bytes", action.bytes},
                        {"reason", bytes_to_json(action.reason)}});
    }
    return list;
}

std::vector<PlannedAction> actions_from(const Json& report) {
    std::vector<PlannedAction> actions;
    for (const Json& object : report.value("actions", Json::array())) {
        int op = object.value("op", -1);
        if (op < 0 || op > static_cast<int>(Op::move)) continue;
        actions.push_back({static_cast<Op>(op), text(object, "path"), count(object, "bytes"), text(object, "reason")});
    }
    return actions;
}

Outcome outcome_from(const Json& report) {
    const std::string name = report.value("outcome", "");
    for (Outcome outcome : {Outcome::success, Outcome::partial, Outcome::halted, Outcome::cancelled}) {
        if (outcome_name(outcome) == name) return outcome;
    }
    return Outcome::failed;
}

RunReport report_from(const Json& object) {
    RunReport report;
    report.job = text(object, "job");
    report.source = text(object, "source");
    report.target = text(object, "target");
    report.direction = object.value("direction", "") == "pull" ? Direction::pull : Direction::push;
    report.outcome = outcome_from(object);
    report.error = text(object, "error");
    report.is_usage_error = object.value("usage_error", false);
    report.halts = halts_from(object);
    report.planned = summary_from(object, "planned");
    report.done = summary_from(object, "done");
    report.left_alone = text(object, "left_alone");
    report.deletes = count(object, "deletes");
    report.actions = actions_from(object);
    report.problems = problems_from(object, "problems");
    report.notes = problems_from(object, "notes");
    report.ignored = count(object, "ignored");
    report.git_left_out = object.value("git_left_out", false);
    report.scanned = count(object, "scanned");
    report.started_at = object.value("started_at", TimeNs{0});
    report.finished_at = object.value("finished_at", TimeNs{0});
    return report;
}

}  // namespace

std::string ending_line(const RunEnding& ending) {
    const RunReport& report = ending.report;
    Json object;
    object["job"] = bytes_to_json(report.job);
    object["source"] = bytes_to_json(report.source);
    object["target"] = bytes_to_json(report.target);
    object["direction"] = policy_name(report.direction);
    object["outcome"] = outcome_name(report.outcome);
    object["error"] = bytes_to_json(report.error);
    object["usage_error"] = report.is_usage_error;
    object["halts"] = halts_to_json(report.halts);
    object["planned"] = summary_to_wire(report.planned);
    object["done"] = summary_to_wire(report.done);
    object["left_alone"] = bytes_to_json(report.left_alone);
    object["deletes"] = report.deletes;
    object["actions"] = actions_to_json(report.actions);
    object["problems"] = problems_to_wire(report.problems);
    object["notes"] = problems_to_wire(report.notes);
    object["ignored"] = report.ignored;
    object["git_left_out"] = report.git_left_out;
    object["scanned"] = report.scanned;
    object["started_at"] = report.started_at;
    object["finished_at"] = report.finished_at;
    Json line{{"event", "run_finished"}, {"exit_status", exit_status(ending)}, {"locked", ending.was_locked}};
    line["report"] = std::move(object);
    return wire_line(line);
}

RunEnding parse_ending(const std::string& line) {
    Json object = Json::parse(line, nullptr, false);
    try {
        if (object.is_object() && object.value("event", "") == "run_finished") {
            return {report_from(object.at("report")), object.value("locked", false)};
        }
    } catch (const Json::exception&) {
        // Said below.
    }
    throw Error(Errc::failed, "the engine's answer cannot be understood; is it of another version? Restart it");
}

std::string progress_line_of(const Progress& progress) {
    return wire_line({{"event", "progress"},
                      {"entries_scanned", progress.entries_scanned.load()},
                      {"bytes_hashed", progress.bytes_hashed.load()},
                      {"files_done", progress.files_done.load()},
                      {"files_total", progress.files_total.load()},
                      {"bytes_done", progress.bytes_done.load()},
                      {"bytes_total", progress.bytes_total.load()}});
}

void take_progress(const std::string& line, Progress& progress) {
    Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) return;
    auto take = [&](const char* name, std::atomic<uint64_t>& counter) {
        auto found = object.find(name);
        if (found != object.end() && found->is_number_unsigned()) counter = found->get<uint64_t>();
    };
    take("entries_scanned", progress.entries_scanned);
    take("bytes_hashed", progress.bytes_hashed);
    take("files_done", progress.files_done);
    take("files_total", progress.files_total);
    take("bytes_done", progress.bytes_done);
    take("bytes_total", progress.bytes_total);
}

}  // namespace syncline::cli
