// FileWatch: says when a file may have changed, however it is saved: in place, renamed over, or behind symlinks that
// now point elsewhere. Watches the directories on the way (inotify), not the file. Engine's thread.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <string>

#include "async/task.hpp"

namespace syncline {

class FileWatch {
  public:
    /// `path` is absolute and need not exist. Throws Error when the kernel has no watch to give.
    FileWatch(const asio::any_io_executor& executor, std::string path);

    /// Returns a moment after a change, so that one save is one change. The file may be gone, half written, or the
    /// same.
    Task<void> changed();

  private:
    void watch_directories();
    void watch_links_above(const std::string& path);
    bool watch(const std::string& directory);
    bool drain();

    std::string path_;
    asio::posix::stream_descriptor inotify_;
    std::string name_;  ///< the one entry that matters; "": all do
};

}  // namespace syncline
