// Deadlines: a task that takes too long is cancelled, waited for, and ends as TimedOut.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "async/task.hpp"
#include "base/error.hpp"
#include "base/units.hpp"

namespace syncline {

class TimedOut : public Error {
  public:
    explicit TimedOut(const std::string& message) : Error(Errc::failed, message) {}
};

/// Throws TimedOut "WHAT timed out after 5.0 s" when `task` has not ended by then; by the time it throws, the task has.
/// Time in suspend does not count.
Task<void> with_deadline(Task<void> task, Duration limit, std::string what);

namespace detail {
template <class T>
Task<void> keep_result(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
}
}  // namespace detail

template <class T>
Task<T> with_deadline(Task<T> task, Duration limit, std::string what) {
    std::optional<T> result;
    auto kept = detail::keep_result(std::move(task), result);
    auto limited = with_deadline(std::move(kept), limit, std::move(what));
    co_await std::move(limited);
    co_return std::move(*result);
}

}  // namespace syncline
