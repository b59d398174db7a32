// Parallel loops over batches of file work: a few threads for the length of one call.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace syncline::fs {

/// Calls `work(begin, end)` for slices of [0, count) on `threads` threads, the caller's among them, and returns when
/// all are done. Slices are contiguous, so that neighbours (files of one directory) stay together. Rethrows the first
/// exception; slices not begun by then are left out.
template <class Work>
void parallel_slices(size_t count, size_t slice, unsigned threads, Work work) {
    std::atomic<size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    auto serve = [&] {
        try {
            while (true) {
                size_t begin = next.fetch_add(slice);
                if (begin >= count) return;
                work(begin, std::min(begin + slice, count));
            }
        } catch (...) {
            next = count;
            std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> helpers;
        size_t slices = (count + slice - 1) / slice;
        for (unsigned i = 1; i < threads && i < slices; ++i) helpers.emplace_back(serve);
        serve();
    }
    if (failure) std::rethrow_exception(failure);
}

}  // namespace syncline::fs
