#include "endpoint/local_watch.hpp"

#include <fcntl.h>

#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <filesystem>
#include <utility>

#include "async/first_of.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline {

LocalWatch::LocalWatch(SourceWatchOptions options, WorkerPool& workers)
    : options_(std::move(options)), workers_(workers) {}

Task<void> LocalWatch::start() {
    auto executor = co_await asio::this_coro::executor;
    poked_.emplace(executor);
    std::error_code ignored;
    if (std::filesystem::create_directories(options_.own_directory, ignored))
        std::filesystem::permissions(options_.own_directory, std::filesystem::perms::owner_all, ignored);
    try {
        fs::WatchRequest request{options_.root, Filter(options_.filter), options_.ignore_files, options_.own_directory,
                                 options_.not_watched};
        tree_.emplace(std::move(request));
        readable_.emplace(executor, ::fcntl(tree_->descriptor(), F_DUPFD_CLOEXEC, 0));
    } catch (const std::exception& error) {
        tree_.reset();
        cannot_start_ = error.what();
        co_return;
    }
    auto work = [this](std::stop_token stop) { tree_->build(std::move(stop)); };
    co_await offload(workers_, work);
}

Task<void> LocalWatch::become_readable() {
    auto ready = readable_->async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    co_await std::move(ready);
}

Task<void> LocalWatch::happened() {
    while (!is_broken() && tree_->news() == told_) {
        auto readable = become_readable();
        auto poked = poked_->wait();
        auto either = first_of(std::move(readable), std::move(poked));
        co_await std::move(either);
        auto work = [this](std::stop_token) { tree_->drain(); };
        co_await offload(workers_, work);
    }
    if (tree_) told_ = tree_->news();
}

Task<bool> LocalWatch::prove() {
    if (is_broken()) co_return false;
    auto work = [this](std::stop_token) { return tree_->prove(); };
    bool proven = co_await offload(workers_, work);
    poked_->notify();
    co_return proven;
}

ChangeSet LocalWatch::take() { return tree_ ? tree_->take() : ChangeSet(); }
size_t LocalWatch::pending() { return tree_ ? tree_->pending() : 0; }

fs::WatchEnd LocalWatch::ending() { return tree_ ? tree_->broken() : fs::WatchEnd::limits; }

bool LocalWatch::is_broken() { return ending() != fs::WatchEnd::none; }
bool LocalWatch::has_overflowed() { return ending() == fs::WatchEnd::overflow; }
bool LocalWatch::is_root_gone() { return ending() == fs::WatchEnd::root; }

bool LocalWatch::wants_patience() {
    fs::WatchEnd end = ending();
    return end == fs::WatchEnd::limits || end == fs::WatchEnd::failed || end == fs::WatchEnd::root;
}

std::string LocalWatch::trouble() { return tree_ ? tree_->trouble() : cannot_start_; }

}  // namespace syncline
