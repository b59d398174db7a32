#include "engine/file_watch.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <climits>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// An editor's write, rename and chmod come within it; a person does not wait for it.
constexpr std::chrono::milliseconds settle_time{100};
/// Where the kernel has no watch to give.
constexpr std::chrono::seconds look_interval{2};
/// What the kernel allows (path_resolution(7)).
constexpr int most_links = 40;
constexpr uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
                            IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

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
    : path_(std::move(path)), executor_(executor), told_(std::make_shared<Event>(executor)) {
    open();
    stamp_ = stamp();
}

void FileWatch::open() {
    auto told = [executor = executor_, told = std::weak_ptr(told_)] {
        auto tell = [told] {
            if (auto living = told.lock()) living->notify();
        };
        asio::post(executor, tell);
    };
    try {
        inbox_.emplace(told);
        trouble_.clear();
        watch_directories();
    } catch (const Error& error) {
        trouble_ = error.what();
    }
    if (!trouble_.empty()) inbox_.reset();
}

/// Watching a directory again changes nothing, so this is done after every change: the links may lead elsewhere now.
void FileWatch::watch_directories() {
    name_ = split(path_).second;
    if (!watch(split(path_).first) && errno != ENOENT) {
        trouble_ = "cannot watch " + escape(split(path_).first) + ": " + errno_text(errno) +
                   (errno == ENOSPC ? " (see fs.inotify.max_user_watches)" : "");
        return;
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

bool FileWatch::watch(const std::string& directory) { return inbox_->watch(directory, events) >= 0; }

/// Takes all events there are; whether one of them may be about the file.
bool FileWatch::drain() {
    if (!inbox_) return false;
    bool relevant = false;
    for (const InotifyEvent& event : inbox_->take())
        relevant = relevant || event.name.empty() || name_.empty() || name_ == event.name;
    return relevant;
}

/// What tells that the file is another.
std::string FileWatch::stamp() const {
    struct stat status{};
    if (::stat(path_.c_str(), &status) != 0) return "";
    std::string text;
    for (int64_t part :
         {int64_t{status.st_size}, int64_t{status.st_mtim.tv_sec}, int64_t{status.st_mtim.tv_nsec},
          int64_t{status.st_ctim.tv_sec}, int64_t{status.st_ctim.tv_nsec}, static_cast<int64_t>(status.st_ino)})
        text += std::to_string(part) + " ";
    return text;
}

Task<void> FileWatch::something_happens() {
    if (inbox_) {
        do co_await told_->wait();
        while (!drain());
        co_return;
    }
    asio::steady_timer timer(executor_);
    while (!inbox_ && stamp() == stamp_) {
        timer.expires_after(look_interval);
        auto pause = timer.async_wait(asio::use_awaitable);
        co_await std::move(pause);
        open();  // There may be a watch to be had by now.
    }
}

Task<void> FileWatch::changed() {
    auto happening = something_happens();
    co_await std::move(happening);
    asio::steady_timer timer(executor_, settle_time);
    auto settled = timer.async_wait(asio::use_awaitable);
    co_await std::move(settled);
    // From here on a change is seen by the next call; what came before is in the file that the caller now reads.
    drain();
    stamp_ = stamp();
    if (inbox_) watch_directories();
    if (!trouble_.empty()) inbox_.reset();
}

}  // namespace syncline
