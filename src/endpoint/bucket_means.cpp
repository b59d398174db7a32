#include "endpoint/bucket_means.hpp"

#include <algorithm>

#include "async/nursery.hpp"

namespace syncline {
namespace {

Task<void> run_lane(size_t& next, size_t count, const IndexedWork& work) {
    while (next < count) {
        auto task = work(next++);
        co_await std::move(task);
    }
}

Task<void> start_lanes(size_t& next, size_t count, size_t lanes, const IndexedWork& work, Nursery& nursery) {
    for (size_t i = 1; i < std::min(lanes, count); ++i) nursery.spawn(run_lane(next, count, work));
    co_await run_lane(next, count, work);
}

}  // namespace

Task<void> for_each_index(size_t count, size_t lanes, const IndexedWork& work) {
    if (count == 0) co_return;
    size_t next = 0;
    auto body = [&](Nursery& nursery) { return start_lanes(next, count, lanes, work, nursery); };
    co_await with_nursery(body);
}

std::string error_of(const s3::S3Error& error) { return error.what(); }

}  // namespace syncline
