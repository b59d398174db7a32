#include "endpoint/ssh_side_streams.hpp"

#include <algorithm>

#include "endpoint/ssh_stage_scripts.hpp"

namespace syncline {
namespace {

/// With the main stream and the run's shell that makes five channels; servers allow ten, mostly.
constexpr uint64_t most_streams = 3;
/// What a stream of its own is worth the start of a command for.
constexpr uint64_t least_bytes = 8 << 20;
/// In which a channel's 2 MiB make about 200 MB a second.
constexpr std::chrono::microseconds fast_round_trip{10'000};
constexpr size_t output_limit = 4096;

}  // namespace

size_t side_streams_for(std::chrono::microseconds round_trip, uint64_t bytes) {
    auto by_time = static_cast<uint64_t>(std::max<int64_t>(round_trip / fast_round_trip, 0));
    return static_cast<size_t>(std::min({by_time, bytes / least_bytes, most_streams}));
}

void SideStreams::start(Nursery& nursery) {
    running_ = contents_.size();
    for (const auto& content : contents_) nursery.spawn(send(*content));
}

Task<void> SideStreams::finished() {
    while (running_ > 0) co_await ended_.wait();
}

Task<void> SideStreams::send(TarContent& content) {
    try {
        ssh::ScriptResult result = co_await fill_stage(content);
        if (!result.ok() && !failure_) failure_ = std::move(result);
    } catch (const ssh::SshError& error) {
        if (error.failure() != ssh::Failure::refused) throw;
    }
    --running_;
    ended_.notify();
}

Task<ssh::ScriptResult> SideStreams::fill_stage(TarContent& content) {
    ssh::StringSink sink(output_limit);
    ssh::ScriptLimits limits;
    std::string script = fill_stage_script(place_.where(), stage_);
    co_return co_await ssh::run_script(place_.shell->lease().session(), std::move(script), content, sink, limits);
}

}  // namespace syncline
