// A remote project directory is in use from before the first remote action to the end of the work.
#include "engine/remote_use.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include "async/nursery.hpp"
#include "async/run_task.hpp"
#include "fs/temp_tree.hpp"

namespace syncline {
namespace {

const ProjectPlace place{"cse", "me", "cse.example.edu", 22, "", "~/p/thesis-12345678-0badf00d"};

class World {
  public:
    std::string directory() const { return temp_.path(); }

    bool is_locked() const {
        std::string holder;
        return !FileLock::try_acquire(use_lock_path(directory(), "thesis-12345678-0badf00d"), holder);
    }
    TimeNs last_use() { return store.remote_directories().at(0).last_used_at; }

    Task<void> pause() {
        asio::steady_timer timer(co_await asio::this_coro::executor);
        timer.expires_after(std::chrono::milliseconds(1));
        auto pause = timer.async_wait(asio::use_awaitable);
        co_await std::move(pause);
    }

    /// Returns when the use was recorded anew.
    Task<void> work() {
        TimeNs before = last_use();
        while (last_use() == before) co_await pause();
        CHECK(is_locked());
    }

    Task<void> use() {
        RemoteUse use(store, directory(), place, "/home/me/thesis", "thesis");
        co_await use.begin();
        CHECK(is_locked());
        auto kept = use.keep_while(work(), std::chrono::milliseconds(5));
        co_await std::move(kept);
        use.record("SHA256:one");
    }

    Task<void> use_after(FileLock& cleaning) {
        RemoteUse use(store, directory(), place, "/home/me/thesis", "thesis");
        auto body = [&](Nursery& nursery) {
            nursery.spawn(release(cleaning));
            return use.begin();
        };
        co_await with_nursery(body);
        CHECK(store.remote_directories().size() == 1);
    }

    Task<void> release(FileLock& cleaning) {
        co_await pause();
        CHECK(store.remote_directories().empty());
        FileLock released = std::move(cleaning);
    }

  private:
    fs::TempTree temp_;

  public:
    Store store{temp_.path()};
};

}  // namespace

TEST_CASE("a use is recorded before it begins, while it lasts and after it") {
    World world;
    run_task(world.use());
    CHECK_FALSE(world.is_locked());
    CHECK(world.store.remote_directories().at(0).host.key == "SHA256:one");
}

TEST_CASE("a use waits while directories are taken away") {
    World world;
    FileLock cleaning = FileLock::acquire(uses_lock_path(world.directory()), std::chrono::seconds(1));
    run_task(world.use_after(cleaning));
}

}  // namespace syncline
