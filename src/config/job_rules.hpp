// Rules that concern a job as a whole, once its keys have been read: its destination, the defaults that depend on it,
// and what does not go together.
#pragma once

#include "config/environment.hpp"
#include "config/job.hpp"

namespace syncline {

/// Gives what was not written its default for this destination and direction.
void apply_defaults(Job& job);

/// Turns the job around for one run by hand (`pull` of a push job and the reverse), defaults included.
void set_direction(Job& job, Direction direction);

/// "" or why a job may not have these two places: one is, or lies in, the other, so the tree would copy itself.
std::string nesting_problem(const Job& job, const ParseEnvironment& environment);

/// What a default that this job goes by was in the first version, with the key that keeps the former way; "" where none
/// changed.
std::string changed_default(const Job& job);

}  // namespace syncline
