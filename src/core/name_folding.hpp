// Name folding: what a run makes of names that differ only in case, on a target that does not tell them apart. Pure.
//
// The planner compares paths byte by byte. So that it may, the target's listing and the baseline are spelled as the
// source spells them, with renames that make it so; and of names of the source that are one on the target, one alone
// stays in the plan.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/baseline.hpp"
#include "core/plan.hpp"
#include "core/tree.hpp"

namespace syncline {

/// By simple case folding of the alphabets that have case; bytes that are no UTF-8 stay as they are.
std::string fold_name(std::string_view name);

/// A row of the baseline whose path is spelled anew.
struct RespelledRow {
    std::string from;
    uint32_t row = 0;  ///< in FoldedSides::baseline
};

struct FoldedSides {
    /// Of entries of the source whose name is another's on the target, or that lie below such a directory, the topmost.
    /// The one that the target has keeps the name, else the first in path order.
    std::vector<uint32_t> colliding;
    /// Parents first, each after those before it were done.
    std::vector<CaseMove> moves;
    Tree target;        ///< with these names; empty without moves
    Baseline baseline;  ///< the same
    std::vector<RespelledRow> rows;
};

FoldedSides fold_sides(const Tree& source, const Tree& target, const Baseline& baseline);

/// Adds what fold_sides found to a plan that was made since: renames within `limits` (empty: all) come first.
void add_to_plan(const FoldedSides& folded, const std::vector<std::string>& limits, const Tree& target, Plan& plan);

}  // namespace syncline
