// Semaphore: at most so many coroutines at a time; first come, first served. Engine's thread only; outlives its
// permits.
#pragma once

#include <asio/any_io_executor.hpp>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "async/event.hpp"
#include "async/task.hpp"

namespace syncline {

class Semaphore {
  public:
    Semaphore(asio::any_io_executor executor, size_t permits);
    ~Semaphore();
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    /// Gives the place back when it dies.
    class Permit {
      public:
        explicit Permit(Semaphore& semaphore) : semaphore_(&semaphore) {}
        Permit(Permit&& other) noexcept : semaphore_(std::exchange(other.semaphore_, nullptr)) {}
        Permit& operator=(Permit&&) = delete;
        ~Permit() {
            if (semaphore_) semaphore_->release();
        }

      private:
        Semaphore* semaphore_;
    };

    /// Waits for a place. Throws Cancelled when cancelled before it had one; the place in the queue is then given up.
    Task<Permit> acquire();
    /// A place when one is free at once.
    std::optional<Permit> try_acquire();

  private:
    struct Waiter;
    void release();

    asio::any_io_executor executor_;
    size_t available_;
    std::deque<Waiter*> waiters_;
};

}  // namespace syncline
