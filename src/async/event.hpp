// Event: one coroutine waits, any code of the same thread wakes it. Outlives the wait.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include "async/task.hpp"

namespace syncline {

class Event {
  public:
    explicit Event(const asio::any_io_executor& executor);

    /// Ends the wait, or the next one when nobody waits. Several notifies before a wait end one wait.
    void notify();

    /// Throws Cancelled when cancelled while the event has not happened. One coroutine at a time.
    Task<void> wait();

  private:
    asio::steady_timer timer_;  ///< Never expires: a wait ends by its cancel.
    bool happened_ = false;
};

}  // namespace syncline
