// Offload: work that blocks (files, hashing, SQLite) runs on a pool's thread while the engine's thread goes on.
//
// A pool outlives every coroutine that waits for its work. Work is a whole batch, never one file: a hop between threads
// costs more than opening and reading a small file.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "async/task.hpp"

namespace syncline {

class WorkerPool {
  public:
    explicit WorkerPool(unsigned threads);
    /// Ends what was posted, then joins.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Runs `work`, which must not throw, on one of the threads. May be called from any thread.
    void post(std::function<void()> work);

    unsigned size() const { return static_cast<unsigned>(threads_.size()); }

  private:
    void serve();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

namespace detail {
Task<void> run_on(WorkerPool& pool, const std::function<void(std::stop_token)>& work);
}

/// Runs `work(stop_token)` on a thread of the pool and resumes the caller on its own executor with the result or the
/// exception. When the caller is cancelled, requests the stop, waits for the work to end (it uses the caller's buffers
/// and descriptors) and throws Cancelled; what the work wrote through references stands by then.
///
///     auto work = [&](std::stop_token stop) { return hash_all(items, stop); };
///     auto sums = co_await offload(pool, work);
///
/// `work` is a named local, not a temporary: GCC 12 destroys temporaries of a co_await expression twice, and a name
/// lives until the work has ended.
template <class F>
Task<std::invoke_result_t<F&, std::stop_token>> offload(WorkerPool& pool, F& work) {
    using Result = std::invoke_result_t<F&, std::stop_token>;
    if constexpr (std::is_void_v<Result>) {
        const std::function<void(std::stop_token)> function = std::ref(work);
        co_await detail::run_on(pool, function);
    } else {
        std::optional<Result> result;
        auto keep_result = [&](std::stop_token stop) { result.emplace(work(std::move(stop))); };
        const std::function<void(std::stop_token)> function = std::ref(keep_result);
        co_await detail::run_on(pool, function);
        co_return std::move(*result);
    }
}

/// Temporaries are refused: see above.
template <class F>
    requires(!std::is_lvalue_reference_v<F>)
void offload(WorkerPool& pool, F&& work) = delete;

}  // namespace syncline
