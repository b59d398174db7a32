// Closed directories: under `permissions = "preserve"` the target has directories that its own user may not write to,
// as the source has. What is to change in one opens it first and closes it again at the end.
#pragma once

#include "core/plan.hpp"

namespace syncline {

/// Adds to a whole plan, at its front and its end, the chmods that open and close the target's directories in which the
/// plan changes something. Those that the plan makes, removes or replaces itself are its own affair.
void open_closed_directories(const PlanInput& input, Plan& plan);

}  // namespace syncline
