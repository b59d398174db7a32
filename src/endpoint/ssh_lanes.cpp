#include "endpoint/ssh_lanes.hpp"

namespace syncline {
namespace {

constexpr size_t most_channels = 4;

}  // namespace

Task<void> SftpLanes::run(size_t count, size_t at_a_time, Work work) {
    if (count == 0) co_return;
    co_await open(std::min(most_channels, (count + at_a_time - 1) / at_a_time));
    auto body = [&](Nursery& nursery) { return spawn_all(nursery, count, at_a_time, work); };
    co_await with_nursery(body);
}

Task<void> SftpLanes::open(size_t wanted) {
    co_await open_first();
    bool has_more = true;
    while (has_more && channels_.size() < wanted) has_more = co_await open_one_more();
}

Task<void> SftpLanes::open_first() {
    if (!channels_.empty()) co_return;
    std::optional<ssh::SshError> refusal;
    try {
        ssh::Sftp* first = co_await shell_.lease().sftp();
        channels_.push_back(first);
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::refused) throw;
        refusal = error;
    }
    if (!refusal) co_return;
    bool has_another = co_await open_one_more();
    if (!has_another) throw ssh::SshError(ssh::Failure::no_sftp, refusal->what());
}

/// A server may take no more connections than it has; then those do the work.
Task<bool> SftpLanes::open_one_more() {
    try {
        std::optional<ssh::SessionPool::Lease> lease = co_await host_.acquire_if_free();
        if (!lease) co_return false;
        ssh::Sftp* more = co_await lease->sftp();
        leases_.push_back(std::move(*lease));
        channels_.push_back(more);
        co_return true;
    } catch (const ssh::SshError&) {
        co_return false;
    }
}

Task<void> SftpLanes::spawn_all(Nursery& nursery, size_t count, size_t at_a_time, const Work& work) {
    for (ssh::Sftp* channel : channels_) {
        for (size_t i = 0; i < at_a_time; ++i) nursery.spawn(serve(*channel, count, work));
    }
    co_return;
}

Task<void> SftpLanes::serve(ssh::Sftp& sftp, size_t count, const Work& work) {
    while (next_ < count) co_await work(sftp, next_++);
}

}  // namespace syncline
