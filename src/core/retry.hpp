// Retry: how long to wait before the next attempt of what failed. Pure: the random number comes from the caller.
#pragma once

#include <cstdint>

#include "base/units.hpp"

namespace syncline {

struct RetryPolicy {
    Duration base{1'000};   ///< the longest wait before the first retry
    Duration cap{300'000};  ///< the longest wait before any
};

/// The longest wait before retry number `attempt` (0 is the first): base * 2^attempt, at most cap.
Duration retry_ceiling(const RetryPolicy& policy, unsigned attempt);

/// Exponential backoff with full jitter: anything from zero to the ceiling, all alike likely when `random` is uniform.
/// Many that failed together thus do not come back together.
Duration retry_delay(const RetryPolicy& policy, unsigned attempt, uint64_t random);

}  // namespace syncline
