#include "fs/hash.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "fs/hash_worker.hpp"

namespace syncline::fs {

namespace {

constexpr size_t max_batch_items = 512;
constexpr size_t min_batch_items = 16;
// So that large files are spread over the workers.
constexpr uint64_t max_batch_bytes = uint64_t{8} << 20;

/// One call of HashPool::hash, handed out to the workers batch by batch. Guarded by the pool's mutex.
struct Request {
    HashBatch whole;
    size_t next = 0;  ///< the first item that no worker has taken
    size_t batches_in_work = 0;
    std::exception_ptr failure;

    bool is_handed_out() const { return next == whole.items.size() || failure || whole.stop.stop_requested(); }
    bool is_finished() const { return is_handed_out() && batches_in_work == 0; }

    /// Batches shrink towards the end, so that all workers finish at about the same time.
    HashBatch take(size_t workers) {
        HashBatch batch = whole;
        size_t left = whole.items.size() - next;
        size_t limit = std::min(left, std::clamp(left / (workers * 2), min_batch_items, max_batch_items));
        size_t count = 0;
        for (uint64_t bytes = 0; count < limit && bytes < max_batch_bytes; ++count) {
            bytes += whole.items[next + count].expected.size;
        }
        batch.items = whole.items.subspan(next, count);
        next += count;
        ++batches_in_work;
        return batch;
    }
};

}  // namespace

struct HashPool::Impl {
    Impl(unsigned count, HashBackend wanted) : worker_count(std::max(1u, count)), backend(wanted) {}

    ~Impl() {
        {
            std::lock_guard lock(mutex);
            is_closing = true;
        }
        work_arrived.notify_all();
    }

    void run(Request& request) {
        std::unique_lock lock(mutex);
        start_threads();
        requests.push_back(&request);
        work_arrived.notify_all();
        auto is_finished = [&] { return request.is_finished(); };
        // The first wait ends as well when the run is stopped; the second one is for the batches that are in work then.
        batch_finished.wait(lock, request.whole.stop, is_finished);
        batch_finished.wait(lock, is_finished);
        std::erase(requests, &request);
    }

    void start_threads() {
        if (!threads.empty()) return;
        try {
            while (threads.size() < worker_count) threads.emplace_back([this] { work(); });
        } catch (const std::system_error&) {
            // Fewer will do; none will not.
            if (threads.empty()) throw;
        }
    }

    void work() {
        std::unique_ptr<HashWorker> worker;
        std::unique_lock lock(mutex);
        while (true) {
            work_arrived.wait(lock, [this] { return is_closing || find_open(); });
            Request* request = find_open();
            if (!request) return;
            HashBatch batch = request->take(threads.size());
            lock.unlock();
            std::exception_ptr failure;
            try {
                if (!worker) worker = make_worker();
                worker->hash(batch);
            } catch (...) {
                failure = std::current_exception();
            }
            lock.lock();
            if (failure && !request->failure) request->failure = failure;
            --request->batches_in_work;
            if (request->is_finished()) batch_finished.notify_all();
        }
    }

    Request* find_open() {
        auto found = std::find_if(requests.begin(), requests.end(), [](Request* r) { return !r->is_handed_out(); });
        return found == requests.end() ? nullptr : *found;
    }

    /// Called without the lock. `automatic` means io_uring: with a warm cache it is as fast as plain reads, with a cold
    /// one more than twice as fast.
    std::unique_ptr<HashWorker> make_worker() {
        if (backend == HashBackend::plain) return make_plain_worker();
        try {
            return make_ring_worker();
        } catch (const std::system_error& refusal) {
            std::lock_guard lock(mutex);
            ring_refusal = errno_text(refusal.code().value());
        }
        return make_plain_worker();
    }

    const unsigned worker_count;
    const HashBackend backend;
    std::mutex mutex;
    std::condition_variable work_arrived;
    std::condition_variable_any batch_finished;
    std::deque<Request*> requests;
    std::once_flag probed;
    std::string ring_refusal;
    bool is_closing = false;
    std::vector<std::jthread> threads;  ///< last, so that they are joined before anything else goes
};

HashPool::HashPool(unsigned workers, HashBackend backend) : impl_(std::make_unique<Impl>(workers, backend)) {}

HashPool::~HashPool() = default;

void HashPool::hash(int root, std::span<HashItem> items, std::stop_token stop, std::atomic<uint64_t>* bytes_done,
                    Links links) {
    Request request;
    request.whole = HashBatch{root, links, items, stop, bytes_done};
    impl_->run(request);
    if (request.failure) std::rethrow_exception(request.failure);
    if (stop.stop_requested()) throw Cancelled();
}

std::string HashPool::backend_description() const {
    if (impl_->backend == HashBackend::plain) return "plain reads";
    // Tried here, too: it may be asked before there was anything to do.
    std::call_once(impl_->probed, [this] { impl_->make_worker(); });
    std::lock_guard lock(impl_->mutex);
    if (impl_->ring_refusal.empty()) return "io_uring";
    return "plain reads, as io_uring is not available: " + impl_->ring_refusal;
}

}  // namespace syncline::fs
