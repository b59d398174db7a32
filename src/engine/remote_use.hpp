// RemoteUse: as long as this lives, a remote project directory is in use, and no clean of this machine takes it away.
// Owned by the coroutine that works there; engine's thread. The store outlives it.
#pragma once

#include <optional>
#include <string>

#include "async/clock.hpp"
#include "endpoint/endpoint.hpp"
#include "state/lock.hpp"
#include "state/store.hpp"

namespace syncline {

class RemoteUse {
  public:
    /// `job` is a name; `root` its local root.
    RemoteUse(Store& store, std::string state_directory, const ProjectPlace& place, std::string root, std::string job);

    /// Records the use; comes before the first remote action. Waits while a clean takes directories away. Throws
    /// Error{locked} when that lasts too long.
    Task<void> begin();

    /// Runs `work` to its end, and meanwhile records the use anew every hour.
    Task<void> keep_while(Task<void> work);
    /// The same by another clock, which outlives the task.
    Task<void> keep_while(Task<void> work, Clock& clock);

    /// After success; `host_key` is the fingerprint that the server showed.
    void record(const std::string& host_key);

  private:
    Task<void> record_again(Clock& clock);
    void record_at(TimeNs now);

    Store& store_;
    std::string state_directory_;
    RemoteDirectory directory_;
    std::optional<FileLock> lock_;
};

}  // namespace syncline
