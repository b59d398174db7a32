#include "core/retry.hpp"

#include <algorithm>

namespace syncline {

Duration retry_ceiling(const RetryPolicy& policy, unsigned attempt) {
    Duration ceiling = std::clamp(policy.base, Duration::zero(), std::max(policy.cap, Duration::zero()));
    // Doubling ends at the cap, or at once when there is nothing to double, so that it neither overflows nor takes
    // long.
    for (unsigned i = 0; i < attempt && ceiling < policy.cap && ceiling > Duration::zero(); ++i) {
        ceiling = ceiling > policy.cap / 2 ? policy.cap : ceiling * 2;
    }
    return ceiling;
}

Duration retry_delay(const RetryPolicy& policy, unsigned attempt, uint64_t random) {
    const auto choices = static_cast<uint64_t>(retry_ceiling(policy, attempt).count()) + 1;
    return Duration(static_cast<Duration::rep>(random % choices));
}

}  // namespace syncline
