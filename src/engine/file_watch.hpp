// FileWatch: says when a file may have changed, however it is saved: in place, renamed over, or behind symlinks that
// now point elsewhere. Watches the directories on the way (inotify), not the file; where the kernel has no watch to
// give, it looks every other second. Engine's thread.
#pragma once

#include <asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "async/event.hpp"
#include "async/inotify.hpp"

namespace syncline {

class FileWatch {
  public:
    /// `path` is absolute and need not exist.
    FileWatch(const asio::any_io_executor& executor, std::string path);

    /// Returns a moment after a change, so that one save is one change. The file may be gone, half written, or the
    /// same.
    Task<void> changed();
    /// "" or why it only looks now and then.
    const std::string& trouble() const { return trouble_; }

  private:
    void open();
    void watch_directories();
    void watch_links_above(const std::string& path);
    bool watch(const std::string& directory);
    bool drain();
    Task<void> something_happens();
    std::string stamp() const;

    std::string path_, trouble_, stamp_;
    asio::any_io_executor executor_;
    std::shared_ptr<Event> told_;
    std::optional<InotifyInbox> inbox_;
    std::string name_;  ///< the one entry that matters; "": all do
};

}  // namespace syncline
