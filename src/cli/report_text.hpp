// Report text: a run, a plan and its halts in words for people. Pure: values in, whole lines out, all names escaped.
#pragma once

#include <string>

#include "cli/style.hpp"
#include "engine/run.hpp"

namespace syncline::cli {

/// "1,204".
std::string grouped(uint64_t number);

/// One line: "thesis: 12 put, 3 deleted, 1,204 unchanged, 4.2 MiB in 0.8 s"; "" for a run that ended before it did
/// anything (trouble_lines has the cause).
std::string summary_line(const RunReport& report, const Style& style);

/// Why a run failed or was halted, with the ways out, and each path that has a problem; "" after a clean run.
std::string trouble_lines(const RunReport& report, const Style& style);

/// What is worth a word: special files, edits on the target that were left alone. At most so many of them, and how many
/// more.
std::string note_lines(const RunReport& report, const Style& style, size_t most);

/// One line an action: "  + put     a.txt  (not on the target, 1.2 KiB)".
std::string action_lines(const RunReport& report, const Style& style);

/// The heading, the actions and the sum of a plan. Halts are trouble_lines.
std::string plan_text(const RunReport& report, const Style& style);

}  // namespace syncline::cli
