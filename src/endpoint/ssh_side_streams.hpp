// SideStreams: tar streams into the stage in channels of their own, which take part in sending a large batch.
//
// A server grants 2 MiB on a channel before it confirms some, so that one stream carries no more than that in a round
// trip, whatever the line could. Made for one batch; engine's thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.hpp"
#include "async/nursery.hpp"
#include "endpoint/ssh_content.hpp"
#include "endpoint/ssh_host.hpp"
#include "ssh/exec.hpp"

namespace syncline {

/// How many streams a batch of `bytes` is worth beside the main one.
size_t side_streams_for(std::chrono::microseconds round_trip, uint64_t bytes);

class SideStreams {
  public:
    /// `place` outlives it.
    SideStreams(const asio::any_io_executor& executor, RemotePlace& place) : place_(place), ended_(executor) {}

    /// Before the first is added: the stage, which is held.
    void fill(StageRef stage) { stage_ = std::move(stage); }
    void add(std::unique_ptr<TarContent> content) { contents_.push_back(std::move(content)); }
    /// Once, after all were added. A lost connection ends the nursery with it. A stream for which the server grants no
    /// channel sends nothing: the others send what it would have sent.
    void start(Nursery& nursery);
    /// Returns when all have ended, well or not.
    Task<void> finished();
    /// Of the first whose script failed on the server.
    const std::optional<ssh::ScriptResult>& failure() const { return failure_; }

  private:
    Task<void> send(TarContent& content);
    Task<ssh::ScriptResult> fill_stage(TarContent& content);

    RemotePlace& place_;
    StageRef stage_;
    std::vector<std::unique_ptr<TarContent>> contents_;
    size_t running_ = 0;
    Event ended_;
    std::optional<ssh::ScriptResult> failure_;
};

}  // namespace syncline
