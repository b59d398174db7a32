// Settling: files that somebody writes to and has not closed. Each is looked at when it is still for a moment, and now
// and then while it is not; the longer it is written to, the more rarely, so that a log costs little. Pure: time comes
// in as values, on a clock that only goes forward.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rel_path.hpp"
#include "base/units.hpp"

namespace syncline {

class Settling {
  public:
    /// Without a write for so long a file counts as still.
    static constexpr TimeNs quiet = ns_per_second / 2;
    /// What is never still is looked at after so long all the same.
    static constexpr TimeNs longest_wait = 5 * ns_per_second;
    /// From one look to the next, at most.
    static constexpr TimeNs longest_gap = 60 * ns_per_second;

    void written(std::string_view path, TimeNs now);
    /// It was closed, removed or moved, and all below it: somebody looks at it now.
    void ended(std::string_view path);

    /// Those to look at now.
    std::vector<std::string> take_due(TimeNs now);
    /// All that were written to since they were looked at.
    std::vector<std::string> take_all(TimeNs now);
    /// When take_due() may have something; nullopt: not before the next write.
    std::optional<TimeNs> wake_at() const;
    /// Files that wait to be looked at.
    size_t size() const;

  private:
    struct File {
        bool waits = true;  ///< written to since the last look
        TimeNs first = 0, last = 0;
        TimeNs looked_at = 0;
        unsigned looks = 0;  ///< since it was last long still

        TimeNs gap() const;
        TimeNs due_at() const;
        void look(TimeNs now);
    };

    std::map<std::string, File, PathLess> files_;
};

}  // namespace syncline
