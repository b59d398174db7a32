// SourceWatch: tells what changes in a local source, for an engine that does not know how. Engine's thread; outlives
// its tasks, and the runs that rely on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "core/change_set.hpp"
#include "core/filter.hpp"

namespace syncline {

struct SourceWatchOptions {
    std::string root;                       ///< absolute
    FilterSpec filter;                      ///< only what it selects is watched
    std::vector<std::string> ignore_files;  ///< names, the strongest last
    std::string own_directory;              ///< syncline's, made where it is missing: prove() writes there
    std::vector<std::string> not_watched;   ///< more directories of syncline's own
};

class SourceWatch {
  public:
    virtual ~SourceWatch() = default;

    /// Sets the watch: from here on every change is told. Afterwards it stands, or is_broken().
    virtual Task<void> start() = 0;
    /// Returns when something more changed, or when it broke.
    virtual Task<void> happened() = 0;
    /// Whether it is alive and told of all that happened before the call; otherwise it is_broken() from here on.
    virtual Task<bool> prove() = 0;

    /// What changed since the last call.
    virtual ChangeSet take() = 0;
    /// Paths that take() would give.
    virtual size_t pending() = 0;

    /// It tells nothing more: another one has to be made, and everything looked at.
    virtual bool is_broken() = 0;
    virtual bool has_overflowed() = 0;
    /// Broken by what does not pass by itself at once: limits of the kernel, a root that is gone.
    virtual bool wants_patience() = 0;
    /// The same, but the root is only gone for now.
    virtual bool is_root_gone() = 0;
    /// "" or a sentence for people: what is wrong, and what to do.
    virtual std::string trouble() = 0;
};

}  // namespace syncline
