// Reports as runs would give them, for the tests of what is printed.
#pragma once

#include "engine/run.hpp"

namespace syncline::cli {

inline RunReport report_of(const std::string& job) {
    RunReport report;
    report.job = job;
    report.source = "/home/u/" + job;
    report.target = "/mnt/" + job;
    report.started_at = 1'000'000'000'000'000'000;
    report.finished_at = report.started_at + 800'000'000;
    return report;
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace syncline::cli
