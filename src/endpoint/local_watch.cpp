#include "endpoint/local_watch.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <filesystem>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline {

LocalWatch::LocalWatch(SourceWatchOptions options, WorkerPool& workers)
    : options_(std::move(options)), workers_(workers) {}

Task<void> LocalWatch::start() {
    auto executor = co_await asio::this_coro::executor;
    poked_ = std::make_shared<Event>(executor);
    auto told = [executor, poked = std::weak_ptr(poked_)] {
        auto poke = [poked] {
            if (auto living = poked.lock()) living->notify();
        };
        asio::post(executor, poke);
    };
    std::error_code ignored;
    if (std::filesystem::create_directories(options_.own_directory, ignored))
        std::filesystem::permissions(options_.own_directory, std::filesystem::perms::owner_all, ignored);
    try {
        fs::WatchRequest request{options_.root, Filter(options_.filter), options_.ignore_files, options_.own_directory,
                                 options_.not_watched};
        tree_.emplace(std::move(request), told);
    } catch (const std::exception& error) {
        tree_.reset();
        cannot_start_ = "cannot watch " + escape(options_.root) + ": " + error.what();
        co_return;
    }
    auto work = [this](std::stop_token stop) { tree_->build(std::move(stop)); };
    co_await offload(workers_, work);
}

Task<void> LocalWatch::happened() {
    while (!is_broken()) {
        // Before it waits: a call that was cancelled may have taken the word of what it did not drain any more.
        auto work = [this](std::stop_token) { tree_->drain(); };
        co_await offload(workers_, work);
        if (is_broken() || tree_->news() != told_) break;
        co_await poked_->wait();
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
