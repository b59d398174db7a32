// TransferMeans: what every transfer over SSH works with. SSH endpoints pass it on; all of it outlives them.
#pragma once

#include "async/offload.hpp"
#include "async/task.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

/// Waits until `bytes` more may be sent or received under the limit. Blocks no thread.
Task<void> take_share(fs::RateLimiter& limiter, uint64_t bytes);

class TransferMeans {
  public:
    TransferMeans(WorkerPool& worker_pool, fs::RateLimiter& rate_limiter)
        : workers(worker_pool), limiter(rate_limiter) {}

    Task<void> take_share(uint64_t bytes) const { return syncline::take_share(limiter, bytes); }

    WorkerPool& workers;
    fs::RateLimiter& limiter;
};

}  // namespace syncline
