// Cancellation. A coroutine is cancelled through the slot of its root (nursery.hpp; terminal only). asio's operations
// then end with operation_aborted, own ones with Cancelled: both mean the same, and neither is retried or reported as a
// Problem.
#pragma once

#include <asio/cancellation_state.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/this_coro.hpp>
#include <exception>

namespace syncline {

/// Whether `failure` is Cancelled or asio's operation_aborted.
bool is_cancellation(const std::exception_ptr& failure);

/// Whether `state`, which `co_await asio::this_coro::cancellation_state` gives, has seen a cancel.
inline bool is_cancelled(const asio::cancellation_state& state) {
    return state.cancelled() != asio::cancellation_type::none;
}

/// `co_await shield();` begins the cleanup of a coroutine that was cancelled: from here on no cancel reaches it.
/// Without it the next co_await throws again. The cleanup has a short deadline of its own, and ends by throwing what
/// stopped the work:
///
///     std::exception_ptr failure;
///     try {
///         co_await transfer();
///     } catch (...) {
///         failure = std::current_exception();
///     }
///     co_await shield();
///     co_await with_deadline(remove_leftovers(), 5s, "removing temporary files");
///     if (failure) std::rethrow_exception(failure);
inline auto shield() { return asio::this_coro::reset_cancellation_state(asio::disable_cancellation()); }

}  // namespace syncline
