// ContentLoader: small local files in memory with their digests, read a batch to a worker and handed out one by one to
// those who send them.
//
// Made for one commit; engine's thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/semaphore.hpp"
#include "endpoint/bucket_means.hpp"
#include "endpoint/endpoint.hpp"
#include "fs/fd.hpp"

namespace syncline {

/// A file that was read whole.
struct LoadedFile {
    CommitItem* item = nullptr;
    std::string bytes;
    Digest sha256;
    std::string md5;  ///< raw
    Stamp stamp;      ///< of what was read; a racy one is not known
    TimeNs mtime = 0;
    bool is_read = false;  ///< else the item's error says why not
};

class ContentLoader {
  public:
    /// All outlive it. Items are put in path order.
    ContentLoader(const asio::any_io_executor& executor, WorkerPool& workers, ContentSource content,
                  std::vector<CommitItem*> items);

    /// Null when all were handed out.
    Task<std::unique_ptr<LoadedFile>> next();

  private:
    void fill();
    std::unique_ptr<LoadedFile> load(CommitItem& item);
    bool read(LoadedFile& file, int descriptor);

    WorkerPool& workers_;
    ContentSource content_;
    std::vector<CommitItem*> items_;
    size_t next_item_ = 0;
    Semaphore one_at_a_time_;
    fs::DirectoryCache directories_;
    std::deque<std::unique_ptr<LoadedFile>> loaded_;
};

}  // namespace syncline
