// Parked: paths that a run under watch could not bring over. Each is tried again after a while of its own, longer and
// longer, though nothing changes there any more; one that always fails keeps no other from its next try. Pure: time
// comes in as values, on a clock that only goes forward.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "base/units.hpp"

namespace syncline {

class Parked {
  public:
    static constexpr TimeNs first_wait = 5 * ns_per_second;
    static constexpr TimeNs longest_wait = 640 * ns_per_second;
    /// Of more, everything is looked at again.
    static constexpr size_t most_paths = 10'000;

    /// A run looked at `scope` (outermost paths; "" is everything) and had these problems, whose paths are relative to
    /// the root; "" is everything.
    void run_ended(const std::vector<std::string>& scope, const std::vector<Problem>& problems, TimeNs now);

    /// All of them when the time of one has come: what failed together in a directory is tried together, so that
    /// nothing is deleted there before what failed is done. Those whose time has not come are none the worse for it.
    std::vector<std::string> take_due(TimeNs now);
    /// When take_due() has something; nullopt: nothing is parked.
    std::optional<TimeNs> wake_at() const;

    bool empty() const { return paths_.empty(); }
    /// With the reason of the last try, in path order.
    std::vector<Problem> problems() const;

  private:
    struct Path {
        std::string why;
        unsigned failures = 0;
        bool tried = false;  ///< its time had come, and it is in a run now
        TimeNs due_at = 0;
    };

    void park(const Problem& problem, TimeNs now);

    std::map<std::string, Path, PathLess> paths_;
};

}  // namespace syncline
