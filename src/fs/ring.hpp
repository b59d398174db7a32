// Ring: an io_uring (io_uring(7)) that belongs to one thread. Whoever submits an operation keeps its buffers, names and
// descriptors until the operation's completion was taken.
#pragma once

#include <liburing.h>

namespace syncline::fs {

class Ring {
  public:
    /// Throws std::system_error when the kernel gives none: too old, forbidden by sysctl or seccomp, or no memory.
    explicit Ring(unsigned entries);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    /// Room for one operation. There is always some as long as no more than `entries` are in flight.
    io_uring_sqe& next_operation();

    /// Submits what was prepared, waits for at least one completion, and calls `done(user_data, result)` for each that
    /// is there.
    template <class Done>
    void wait(Done done) {
        submit_and_wait();
        io_uring_cqe* completion;
        while (io_uring_peek_cqe(&ring_, &completion) == 0) {
            void* data = io_uring_cqe_get_data(completion);
            int result = completion->res;
            io_uring_cqe_seen(&ring_, completion);
            done(data, result);
        }
    }

  private:
    void submit_and_wait();

    io_uring ring_{};
};

}  // namespace syncline::fs
