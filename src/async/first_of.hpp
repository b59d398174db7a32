// first_of: two tasks, of which the first to end decides.
#pragma once

#include "async/task.hpp"

namespace syncline {

/// Runs both; when one ends, in whatever way, the other is cancelled and waited for. Rethrows what the first one threw.
/// A cancel of the caller reaches both.
Task<void> first_of(Task<void> one, Task<void> other);

}  // namespace syncline
