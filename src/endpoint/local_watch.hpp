// LocalWatch: a tree's inotify watches (fs/watch_tree.hpp) on the engine's loop. What they tell is worked through on a
// worker, as a directory that comes with many others takes a while.
#pragma once

#include <memory>
#include <optional>

#include "async/event.hpp"
#include "async/offload.hpp"
#include "endpoint/source_watch.hpp"
#include "fs/watch_tree.hpp"

namespace syncline {

class LocalWatch final : public SourceWatch {
  public:
    /// The pool outlives it.
    LocalWatch(SourceWatchOptions options, WorkerPool& workers);

    Task<void> start() override;
    Task<void> happened() override;
    Task<bool> prove() override;
    ChangeSet take() override;
    size_t pending() override;
    bool is_broken() override;
    bool has_overflowed() override;
    bool wants_patience() override;
    bool is_root_gone() override;
    std::string trouble() override;

  private:
    fs::WatchEnd ending();

    SourceWatchOptions options_;
    WorkerPool& workers_;
    std::optional<fs::WatchTree> tree_;
    std::shared_ptr<Event> poked_;  ///< there is something to drain, or somebody else drained
    std::string cannot_start_;
    uint64_t told_ = 0;
};

}  // namespace syncline
