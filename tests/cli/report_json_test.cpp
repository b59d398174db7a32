#include "cli/report_json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "reports.hpp"

using namespace syncline;
using namespace syncline::cli;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> keys(const Json& object) {
    std::vector<std::string> names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    return names;
}

}  // namespace

TEST_CASE("plan --json is the document of the contract, in its order") {
    RunReport report = report_of("thesis");
    report.planned = {2, 1, 1, 3, 7, 1536};
    report.actions = {{Op::put, "a", 5, "not on the target"}, {Op::remove, "b", 0, "gone from the source"}};
    RunReport halted = report_of("other");
    halted.direction = Direction::pull;
    halted.halts = {{Guard::root_emptied, "empty", "bring it back"}, {Guard::max_delete, "9 of 9", "look at plan"}};

    std::string text = plan_document({&report, &halted});
    REQUIRE(text.ends_with("\n"));
    Json document = Json::parse(text);
    CHECK(keys(document) == std::vector<std::string>{"version", "jobs"});
    CHECK(document["version"] == 1);
    const Json& job = document["jobs"][0];
    CHECK(keys(job) == std::vector<std::string>{"name", "direction", "source", "target", "actions", "summary", "halt"});
    CHECK(keys(job["actions"][0]) == std::vector<std::string>{"op", "path", "bytes", "reason"});
    CHECK(job["actions"][1]["op"] == "delete");
    CHECK(keys(job["summary"]) == std::vector<std::string>{"put", "mkdir", "delete", "chmod", "unchanged", "bytes"});
    CHECK(job["summary"]["delete"] == 1);
    CHECK(job["halt"].is_null());

    const Json& halt = document["jobs"][1]["halt"];
    CHECK(keys(halt) == std::vector<std::string>{"code", "codes", "detail", "resolve"});
    CHECK(halt["code"] == "root-emptied");
    CHECK(halt["codes"] == Json({"root-emptied", "max-delete"}));
    CHECK(halt["detail"] == "root-emptied: empty; max-delete: 9 of 9");
    CHECK(document["jobs"][1]["direction"] == "pull");
    CHECK(document["jobs"][1]["actions"].empty());
    CHECK(Json::parse(plan_document({}))["jobs"].empty());
}

TEST_CASE("a path that is not UTF-8 is given exactly in base64; no byte of a name is printed raw") {
    RunReport report = report_of("thesis");
    report.actions = {{Op::put, "ok-\xc3\xbc\x1b\x7f\n", 0, "forced"}, {Op::put, "\xff\xfe", 0, "forced"}};
    std::string text = plan_document({&report});
    for (char c : text.substr(0, text.size() - 1)) CHECK((c >= 0x20 && c < 0x7F));
    Json actions = Json::parse(text)["jobs"][0]["actions"];
    CHECK(actions[0]["path"] == "ok-\xc3\xbc\x1b\x7f\n");
    CHECK_FALSE(actions[0].contains("path_base64"));
    CHECK(actions[1]["path"] == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(actions[1]["path_base64"] == "//4=");
}

TEST_CASE("a finished run is one event in one line") {
    RunReport report = report_of("thesis");
    report.outcome = Outcome::partial;
    report.done = {3, 0, 1, 0, 9, 77};
    report.problems = {{"bad\xff", "no\xff"}};
    std::string text = run_finished_event(report, 4);
    CHECK(text.find('\n') == text.size() - 1);
    Json event = Json::parse(text);
    CHECK(event["event"] == "run_finished");
    CHECK(event["job"] == "thesis");
    CHECK(event["outcome"] == "partial");
    CHECK(event["exit_status"] == 4);
    CHECK(event["duration_ms"] == 800);
    CHECK(event["done"]["put"] == 3);
    CHECK(event["problems"][0]["path_base64"] == "YmFk/w==");
    CHECK(event["error"].is_null());
    CHECK(event["halt"].is_null());
    CHECK(event["finished_at"] == "2001-09-09T01:46:40.800Z");
}

TEST_CASE("the other lines are JSON too") {
    CHECK(Json::parse(run_started_event("a", 0))["job"] == "a");
    CHECK(Json::parse(message_event("error", "x\xff", 0))["message"] == "x\xef\xbf\xbd");
    Json action = Json::parse(action_event("a", {Op::chmod, "p", 0, "mode differs"}, 0));
    CHECK(action["event"] == "action");
    CHECK(action["op"] == "chmod");
    Json explanation = Json::parse(explanation_line({"a", "b/c", false, "ignored by .gitignore:3: '*.o'", ""}));
    CHECK(explanation["selected"] == false);
    CHECK(explanation["last_run"].is_null());
    Json finding = Json::parse(finding_line({"error", "thesis", "no root", ""}));
    CHECK(finding["subject"] == "thesis");
    CHECK_FALSE(finding.contains("advice"));
    Json diagnostic = Json::parse(diagnostic_event("error", {"jobs.toml", 14, 3, "unknown key"}, 0));
    CHECK(diagnostic["line"] == 14);
    CHECK(diagnostic["column"] == 3);
    CHECK(Json::parse(checked_event("jobs.toml", 3, 0, 1, 0))["warnings"] == 1);
}
