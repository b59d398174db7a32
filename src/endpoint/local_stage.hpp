// Stager: makes the temporary files and symlinks of a batch, verified and with their modes and times, ready to be
// renamed. Each thread has one of its own.
#pragma once

#include <ctime>
#include <stop_token>
#include <string>

#include "endpoint/kept_beginnings.hpp"
#include "endpoint/local_item.hpp"
#include "fs/copy.hpp"
#include "fs/fd.hpp"

namespace syncline {

class Stager {
  public:
    Stager(int target_root, ContentSource content, std::stop_token stop, Progress& progress, fs::RateLimiter& limiter,
           KeptBeginnings& kept);

    /// Fills `staged` with what was made beside the item's place, or the item's error. When it throws (Cancelled), it
    /// has the name that may have been begun.
    void stage(CommitItem& item, Staged& staged);

    /// Whether what was begun of it is worth being kept for the next run when this one breaks off.
    static bool is_kept_when_cut(const CommitItem& item, const ContentSource& content);

    /// Whether a file that was made did not keep the time that it was given.
    bool loses_times() const { return loses_times_; }

  private:
    enum class Outcome { done, changed, failed };

    bool stage_symlink(CommitItem& item, int directory, const std::string& name);
    bool stage_file(CommitItem& item, int directory, std::string& name);
    bool stage_fetched(CommitItem& item, const FetchedContent& content, int directory, std::string& name);
    bool stage_copy(CommitItem& item, int directory, const std::string& name);
    bool begin_with(int target, int directory, const std::string& beginning);
    Outcome copy(CommitItem& item, int source, int target, bool is_begun);
    bool finish_file(CommitItem& item, int target);
    fs::Fd open_source(CommitItem& item);

    ContentSource content_;
    std::stop_token stop_;
    Progress& progress_;
    fs::DirectoryCache sources_, targets_;
    fs::FileCopier copier_;
    KeptBeginnings& kept_;
    timespec source_mtime_{};
    Stamp finished_{};  ///< of what was made last
    bool loses_times_ = false;
    fs::Fd lock_;  ///< on it
};

}  // namespace syncline
