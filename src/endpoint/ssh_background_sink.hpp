// BackgroundSink: hands what arrives to a consumer on a worker, while more arrives. Holds the bandwidth limit, and
// holds the sender back when the worker does not keep up.
//
// Made for one stream; engine's thread, but the consumer runs on a worker. Outlives the nursery that its work runs in.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "endpoint/ssh_means.hpp"
#include "ssh/stream.hpp"

namespace syncline {

class BackgroundSink final : public ssh::OutputSink {
  public:
    using Consumer = std::function<void(std::string_view)>;

    BackgroundSink(const asio::any_io_executor& executor, TransferMeans means, Consumer consumer)
        : means_(means), consumer_(std::move(consumer)), changed_(executor) {}

    /// Before the first bytes come.
    void work_in(Nursery& nursery) { nursery_ = &nursery; }

    Task<void> take(std::string_view bytes) override;
    /// Returns when all that came was consumed.
    Task<void> finish();

  private:
    static constexpr size_t most_waiting_bytes = size_t{2} << 20;

    Task<void> drain();

    TransferMeans means_;
    Consumer consumer_;
    Event changed_;
    Nursery* nursery_ = nullptr;
    std::string waiting_, in_work_;
    bool is_working_ = false;
};

}  // namespace syncline
