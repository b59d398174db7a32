#include "fs/ring.hpp"

#include <cerrno>
#include <system_error>

#include "base/assert.hpp"

namespace syncline::fs {

namespace {

// Completions are only looked for when this thread waits, so the kernel need not interrupt it (6.1; 5.19; any).
constexpr unsigned flag_choices[] = {
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
    IORING_SETUP_COOP_TASKRUN,
    0,
};

}  // namespace

Ring::Ring(unsigned entries) {
    int result = -EINVAL;
    for (unsigned flags : flag_choices) {
        if (result == -EINVAL) result = io_uring_queue_init(entries, &ring_, flags);
    }
    if (result != 0) throw std::system_error(-result, std::generic_category(), "io_uring_setup");
}

Ring::~Ring() { io_uring_queue_exit(&ring_); }

io_uring_sqe& Ring::next_operation() {
    io_uring_sqe* operation = io_uring_get_sqe(&ring_);
    SYNCLINE_ASSERT(operation != nullptr);
    return *operation;
}

void Ring::submit_and_wait() {
    int result = io_uring_submit_and_wait(&ring_, 1);
    // EAGAIN and EBUSY: short of memory or of room for completions; taking completions helps. With operations in flight
    // there is no way to give up, as they own memory of ours.
    SYNCLINE_ASSERT(result >= 0 || result == -EINTR || result == -EAGAIN || result == -EBUSY);
}

}  // namespace syncline::fs
