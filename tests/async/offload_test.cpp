#include "async/offload.hpp"

#include <asio/post.hpp>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <latch>
#include <memory>
#include <string>
#include <thread>

#include "base/error.hpp"
#include "run_task.hpp"

using namespace syncline;

namespace {

Task<void> check_results(WorkerPool& pool) {
    auto caller = std::this_thread::get_id();
    std::thread::id worker;
    auto work = [&](std::stop_token) {
        worker = std::this_thread::get_id();
        return std::string("done");
    };
    auto answer = co_await offload(pool, work);
    CHECK(answer == "done");
    CHECK(worker != caller);
    CHECK(std::this_thread::get_id() == caller);

    int calls = 0;
    auto no_result = [&](std::stop_token) { ++calls; };
    co_await offload(pool, no_result);
    CHECK(calls == 1);

    auto move_only = [](std::stop_token) { return std::make_unique<int>(7); };
    auto seven = co_await offload(pool, move_only);
    CHECK(*seven == 7);
}

Task<void> check_exception(WorkerPool& pool) {
    auto work = [](std::stop_token) -> int { throw Error(Errc::failed, "disk on fire"); };
    co_await offload(pool, work);
}

/// Counts its own copies, to notice a destructor that runs once too often.
struct Counted {
    int* alive;
    explicit Counted(int* counter) : alive(counter) { ++*alive; }
    Counted(const Counted& other) : alive(other.alive) { ++*alive; }
    ~Counted() { --*alive; }
    Counted& operator=(const Counted&) = delete;
};

/// The form that GCC 12 breaks when the lambda stands in the co_await expression itself: it captures values that own
/// memory.
Task<void> check_captured_values(WorkerPool& pool, int* alive) {
    Counted counted(alive);
    std::string long_text(100, 'x');
    auto work = [counted, long_text](std::stop_token) {
        return long_text.size() + static_cast<size_t>(*counted.alive);
    };
    auto size = co_await offload(pool, work);
    CHECK(size == 102);
}

struct Stubborn {
    WorkerPool& pool;
    std::latch started{1};
    std::latch stop_seen{1};
    std::atomic<bool> ended{false};
    bool cancelled_after_end = false;

    Task<void> run() {
        auto work = [this](std::stop_token stop) {
            std::stop_callback on_stop(stop, [this] { stop_seen.count_down(); });
            started.count_down();
            stop_seen.wait();
            ended = true;
        };
        try {
            co_await offload(pool, work);
        } catch (const Cancelled&) {
            cancelled_after_end = ended;
            throw;
        }
    }
};

}  // namespace

TEST_CASE("offloaded work runs on a worker and answers on the caller's thread") {
    WorkerPool pool(2);
    run_task(check_results(pool));
}

TEST_CASE("an exception of offloaded work reaches the caller") {
    WorkerPool pool(1);
    CHECK_THROWS_AS(run_task(check_exception(pool)), Error);
}

TEST_CASE("work that captures values is destroyed once") {
    WorkerPool pool(1);
    int alive = 0;
    run_task(check_captured_values(pool, &alive));
    CHECK(alive == 0);
}

TEST_CASE("a cancelled caller asks the work to stop and waits for its end") {
    WorkerPool pool(1);
    Stubborn stubborn{pool};
    TestLoop loop;
    loop.start(stubborn.run());
    loop.settle();
    stubborn.started.wait();
    loop.cancel();
    loop.context.restart();
    CHECK_THROWS_AS(loop.finish(), Cancelled);
    CHECK(stubborn.cancelled_after_end);
}

TEST_CASE("work posted before the end of a pool is done") {
    std::atomic<int> done{0};
    {
        WorkerPool pool(2);
        for (int i = 0; i < 100; ++i) pool.post([&] { ++done; });
    }
    CHECK(done == 100);
}
