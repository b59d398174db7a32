// Taken aside: what a run that was killed had taken away from its name, and had neither removed nor given back. Pure.
//
// An endpoint replaces or deletes by taking aside first, looking at what it took, and giving it back when it is not
// what the plan saw. Before anything else the next run settles what a killed one left: what is known to be ours goes,
// all else returns to its name, or is kept beside it.
#pragma once

#include <string>
#include <vector>

#include "core/baseline.hpp"
#include "core/plan.hpp"
#include "core/tree.hpp"

namespace syncline {

struct TakenAside {
    enum class Fate : uint8_t { left, removed, put_back, kept };

    std::string path;                      ///< where it lies, in the pattern of is_aside_name
    std::string original;                  ///< where it stood; "" when nothing that is known has its mark
    std::vector<Digest> known_contents;    ///< what it may hold without being anybody's work
    std::vector<std::string> known_links;  ///< the same of symlinks
    // Filled in by Endpoint::settle():
    Fate fate = Fate::left;
    std::string kept_as;  ///< its path now, when it was kept
    std::string error;    ///< why it was left
};

/// What is known of each of `paths`: from where it was taken, and what stood there.
std::vector<TakenAside> trace_taken_aside(const std::vector<std::string>& paths, const Tree& source, const Tree& target,
                                          const Baseline& baseline);

/// Takes out of a plan what would replace or remove one of `paths`, which were given back a moment ago: whoever made
/// them has a run's time to see it.
void leave_alone(Plan& plan, const Tree& source, const Tree& target, const std::vector<std::string>& paths);

}  // namespace syncline
