// LocalCommit: one batch of changes on a local tree. Blocks; runs on a pool's thread and uses a few of its own.
//
// The order that keeps every path whole: temporary files are written and verified, the file system is flushed once,
// then each is renamed over what it replaces, if that is still what the plan saw.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "endpoint/kept_beginnings.hpp"
#include "endpoint/local_item.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

class LocalCommit {
  public:
    struct Options {
        bool fsync = true;
        unsigned threads = 2;
        std::atomic<bool>* loses_times = nullptr;  ///< set when a file does not keep the time that it is given
    };

    LocalCommit(int target_root, ContentSource content, Options options, std::stop_token stop, Progress& progress,
                TouchedInodes& touched, fs::RateLimiter& limiter, KeptBeginnings& kept);

    /// Fills in the results. Throws Cancelled; what was not renamed by then is removed again, but for large files, with
    /// which the next run goes on.
    void run(std::vector<CommitItem>& items);

  private:
    void stage_all(std::vector<CommitItem>& items);
    void stage_copy(CommitItem& item, size_t index);
    void install_all(std::vector<CommitItem>& items);
    void remove_staged(const std::vector<CommitItem>& items, bool is_cut);
    size_t slice_of(size_t count) const;

    int root_;
    ContentSource content_;
    Options options_;
    std::stop_token stop_;
    Progress& progress_;
    TouchedInodes& touched_;
    fs::RateLimiter& limiter_;
    KeptBeginnings& kept_;
    std::vector<Staged> staged_;      ///< per item
    std::vector<uint8_t> is_copied_;  ///< per item: a chmod that is done by a copy
};

}  // namespace syncline
