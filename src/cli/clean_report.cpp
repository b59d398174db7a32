#include "cli/clean_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace syncline::cli {
namespace {

using Json = nlohmann::ordered_json;

bool goes(const CleanReport& report, const CleanedDirectory& directory) {
    return report.is_dry_run ? directory.decision.removes : directory.is_gone;
}

Json to_json(const QuotaReport& quota) {
    using State = QuotaReport::State;
    Json object;
    object["state"] = quota.state == State::known ? "known" : quota.state == State::none ? "none" : "unknown";
    object["per_cent"] = quota.state == State::known ? Json(quota.use.per_cent()) : Json(nullptr);
    object["file_system"] = utf8_lossy(quota.use.file_system);
    object["note"] = quota.note;
    return object;
}

Json to_json(const CleanReport& report, const CleanedDirectory& directory) {
    const CleanDecision& decision = directory.decision;
    bool has_age = decision.reason == CleanReason::old || decision.reason == CleanReason::young;
    Json object;
    object["name"] = utf8_lossy(directory.name);
    if (!is_utf8(directory.name)) object["name_base64"] = base64(directory.name);
    object["action"] = decision.removes ? "remove" : "keep";
    object["reason"] = reason_name(decision.reason);
    object["detail"] = describe(decision, report.quota_before);
    if (has_age) object["limit_s"] = decision.limit.count() / 1000;
    if (has_age) object["age_s"] = decision.age.count() / 1000;
    if (!decision.job.empty()) object["job"] = utf8_lossy(decision.job);
    if (!report.is_dry_run && decision.removes) object["removed"] = directory.is_gone;
    if (!directory.failure.empty()) object["failure"] = directory.failure;
    return object;
}

Json to_json(const CleanRecord& record) {
    Json object;
    object["at"] = format_time(record.at);
    object["removed"] = record.removed;
    object["kept"] = record.kept;
    object["bytes_freed"] = record.bytes_freed;
    object["quota_before"] = record.quota_before;
    object["quota_after"] = record.quota_after;
    object["error"] = record.error.empty() ? Json(nullptr) : Json(record.error);
    return object;
}

std::string line_of(const CleanReport& report, const CleanedDirectory& directory, const Style& style) {
    std::string verb = report.is_dry_run           ? (directory.decision.removes ? style.red("remove ") : "keep   ")
                       : directory.is_gone         ? style.red("removed")
                       : directory.failure.empty() ? "kept   "
                                                   : style.yellow("kept   ");
    const std::string& why = directory.failure;
    return "  " + verb + " " + escape(directory.name) + "  " +
           (why.empty() ? describe(directory.decision, report.quota_before) : why) + "\n";
}

}  // namespace

uint64_t CleanReport::removed() const {
    return static_cast<uint64_t>(
        std::ranges::count_if(directories, [this](const CleanedDirectory& each) { return goes(*this, each); }));
}

std::string clean_text(const CleanReport& report, const Style& style, bool verbose) {
    std::string place = escape(report.host + ":" + report.root);
    std::string text;
    if (report.is_dry_run || verbose) {
        text += place + ": quota: " + syncline::describe(report.quota_before) + "\n";
        if (report.last_clean) text += "  last clean " + describe(*report.last_clean) + "\n";
    }
    for (const CleanedDirectory& directory : report.directories) {
        bool is_told = report.is_dry_run || verbose || goes(report, directory) || !directory.failure.empty();
        if (is_told) text += line_of(report, directory, style);
    }
    text += style.bold(place) + ": " + std::to_string(report.removed()) +
            (report.is_dry_run ? " to remove, " : " removed, ") + std::to_string(report.kept()) + " kept";
    if (!report.is_dry_run) text += ", " + format_byte_count(report.bytes_freed) + " freed";
    bool tells_quota = !report.is_dry_run && report.quota_before.state == QuotaReport::State::known;
    if (tells_quota)
        text += "; quota " + syncline::describe(report.quota_before) + " -> " + syncline::describe(report.quota_after);
    return text + "\n";
}

std::string clean_trouble(const CleanReport& report) {
    std::string text;
    for (const std::string& problem : report.problems) text += "syncline: " + problem + "\n";
    return text;
}

std::string clean_event(const CleanReport& report, TimeNs now) {
    Json object;
    object["event"] = "clean";
    object["time"] = format_time(now);
    object["host"] = utf8_lossy(report.host);
    object["root"] = utf8_lossy(report.root);
    object["dry_run"] = report.is_dry_run;
    object["removed"] = report.removed();
    object["kept"] = report.kept();
    object["bytes_freed"] = report.bytes_freed;
    object["quota_before"] = to_json(report.quota_before);
    object["quota_after"] = report.is_dry_run ? Json(nullptr) : to_json(report.quota_after);
    object["last_clean"] = report.last_clean ? to_json(*report.last_clean) : Json(nullptr);
    object["directories"] = Json::array();
    for (const CleanedDirectory& directory : report.directories)
        object["directories"].push_back(to_json(report, directory));
    object["problems"] = report.problems;
    return object.dump(-1, ' ', true) + "\n";
}

std::string describe(const CleanRecord& record) {
    std::string text = format_time(record.at) + ": ";
    if (!record.error.empty()) text += "broke off (" + record.error + ") after ";
    text += std::to_string(record.removed) + " removed, " + std::to_string(record.kept) + " kept, " +
            format_byte_count(record.bytes_freed) + " freed; quota " + record.quota_before;
    return record.quota_after.empty() ? text : text + " -> " + record.quota_after;
}

}  // namespace syncline::cli
