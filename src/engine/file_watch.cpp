#include "engine/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>
#include <climits>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// An editor's write, rename and chmod come within it; a person does not wait for it.
constexpr std::chrono::milliseconds settle_time{100};
/// What the kernel allows (path_resolution(7)).
constexpr int most_links = 40;
constexpr uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                            IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

int open_inotify() {
    int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        throw Error(Errc::failed, "cannot watch files: " + errno_text(errno) + " (see fs.inotify.max_user_instances)");
    return fd;
}

std::pair<std::string, std::string> split(const std::string& path) {
    size_t slash = path.rfind('/');
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// Where the symlink `path` leads; "" when it is none.
std::string read_link(const std::string& path) {
    char buffer[PATH_MAX];
    ssize_t size = ::readlink(path.c_str(), buffer, sizeof buffer);
    if (size <= 0) return "";
    std::string link(buffer, static_cast<size_t>(size));
    return link.starts_with('/') ? link : split(path).first + "/" + link;
}

}  // namespace

FileWatch::FileWatch(const asio::any_io_executor& executor, std::string path)
    : path_(std::move(path)), inotify_(executor, open_inotify()) {
    watch_directories();
}

/// Watching a directory again changes nothing, so this is done after every change: the links may lead elsewhere now.
void FileWatch::watch_directories() {
    name_ = split(path_).second;
    if (!watch(split(path_).first) && errno != ENOENT) {
        throw Error(Errc::failed, "cannot watch " + escape(split(path_).first) + ": " + errno_text(errno) +
                                      (errno == ENOSPC ? " (see fs.inotify.max_user_watches)" : ""));
    }
    std::string step = path_;
    for (int links = 0; links < most_links && !step.empty(); ++links) {
        watch(split(step).first);
        watch_links_above(step);
        step = read_link(step);
        // Behind a link, whatever is replaced on the way may be it.
        if (!step.empty()) name_.clear();
    }
}

void FileWatch::watch_links_above(const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        std::string directory = path.substr(0, slash);
        if (read_link(directory).empty()) continue;
        watch(split(directory).first);
        name_.clear();
    }
}

bool FileWatch::watch(const std::string& directory) {
    return ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), events) >= 0;
}

/// Reads all events there are; whether one of them may be about the file.
bool FileWatch::drain() {
    alignas(inotify_event) char buffer[4096];
    bool relevant = false;
    while (true) {
        ssize_t size = ::read(inotify_.native_handle(), buffer, sizeof buffer);
        if (size <= 0) return relevant;
        for (ssize_t at = 0; at < size;) {
            inotify_event event;
            std::memcpy(&event, buffer + at, sizeof event);
            const char* name = buffer + at + sizeof event;
            relevant = relevant || event.len == 0 || name_.empty() || name_ == name;
            at += static_cast<ssize_t>(sizeof event + event.len);
        }
    }
}

Task<void> FileWatch::changed() {
    auto executor = co_await asio::this_coro::executor;
    do {
        auto ready = inotify_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        co_await std::move(ready);
    } while (!drain());
    asio::steady_timer timer(executor, settle_time);
    auto settled = timer.async_wait(asio::use_awaitable);
    co_await std::move(settled);
    // From here on a change is seen by the next call; what came before is in the file that the caller now reads.
    drain();
    watch_directories();
}

}  // namespace syncline
