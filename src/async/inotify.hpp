// Inotify: the one inotify instance of the process, shared by all who watch directories.
//
// The kernel gives a user few instances (128), and a queue to each; a job file with many jobs must not use them up. A
// thread of its own takes what the kernel queued to the inboxes of those who watch, so that the queue stays short
// whatever they do. One lock guards all of it; calls come from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace syncline {

struct InotifyEvent {
    int watch = -1;  ///< -1: events were lost (IN_Q_OVERFLOW)
    uint32_t mask = 0;
    std::string name;

    bool operator==(const InotifyEvent&) const = default;
};

class Inotify;

/// What one watcher watches, and what it is told, in the kernel's order.
class InotifyInbox {
  public:
    /// Events that wait in an inbox; of more, all are lost (IN_Q_OVERFLOW).
    static constexpr size_t most_events = 100'000;

    /// `told` is called on any thread when something comes into the empty inbox; it only passes the word on. Throws
    /// Error when the kernel gives no instance.
    explicit InotifyInbox(std::function<void()> told = {});
    ~InotifyInbox();
    InotifyInbox(const InotifyInbox&) = delete;
    InotifyInbox& operator=(const InotifyInbox&) = delete;

    /// The watch of what `path` leads to; further masks add up. -1 and errno when there can be none.
    int watch(const std::string& path, uint32_t mask);
    void forget(int watch);
    /// All that happened before this call and was not taken yet.
    std::vector<InotifyEvent> take();

  private:
    friend class Inotify;

    std::shared_ptr<Inotify> instance_;
    std::function<void()> told_;
    std::vector<InotifyEvent> events_;
};

}  // namespace syncline
