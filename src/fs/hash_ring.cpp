// The io_uring backend of HashPool.
#include <system_error>

#include "fs/hash_worker.hpp"

namespace syncline::fs {

std::unique_ptr<HashWorker> make_ring_worker() { throw std::system_error(std::make_error_code(std::errc::function_not_supported)); }

}  // namespace syncline::fs
