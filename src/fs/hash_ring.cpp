// The io_uring backend of HashPool: many small files in flight at once; large files in chunks that are read ahead while
// the one before is hashed. What is not as expected goes the careful way of FileHasher.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "fs/file_hasher.hpp"
#include "fs/hash_worker.hpp"
#include "fs/ring.hpp"

namespace syncline::fs {

namespace {

constexpr size_t small_bytes = size_t{64} << 10;
constexpr size_t max_flights = 32;
constexpr size_t chunk_bytes = size_t{256} << 10;
constexpr size_t chunks_ahead = 4;
constexpr unsigned ring_entries = 64;
static_assert(max_flights <= ring_entries && chunks_ahead <= ring_entries);

/// Files are open at the same time, in several workers, and descriptors may be few.
size_t flights_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 4;
    return std::clamp<size_t>(limit.rlim_cur / 16, 4, max_flights);
}

/// Reads large files through the ring.
class ReadingAhead final : public FileHasher {
  public:
    explicit ReadingAhead(Ring& ring) : ring_(ring) {}

  protected:
    int read(const HashBatch& batch, int file, uint64_t expected, HashItem& item, uint64_t& size) override {
        if (expected <= chunk_bytes) return FileHasher::read(batch, file, expected, item, size);
        file_ = file;
        expected_ = expected;
        next_offset_ = 0;
        in_flight_ = 0;
        if (chunks_.empty()) chunks_.resize(chunks_ahead);
        for (Chunk& chunk : chunks_) start(chunk);
        int error = 0;
        // Chunks come one after the other around the circle. After a short one nothing more is taken.
        for (size_t at = 0; size < expected && !batch.stop.stop_requested(); at = (at + 1) % chunks_ahead) {
            Chunk& chunk = chunks_[at];
            while (!chunk.is_done) take_completions();
            if (chunk.result < 0) error = -chunk.result;
            if (chunk.result <= 0) break;
            auto got = static_cast<size_t>(chunk.result);
            take(batch, std::span(chunk.bytes).first(got), item, size);
            if (got < chunk.wanted) break;
            start(chunk);
        }
        while (in_flight_ > 0) take_completions();
        return error == EINTR || error == EAGAIN ? 0 : error;
    }

  private:
    struct Chunk {
        std::vector<std::byte> bytes = std::vector<std::byte>(chunk_bytes);
        size_t wanted = 0;
        int result = 0;
        bool is_done = true;
    };

    void start(Chunk& chunk) {
        chunk.wanted = static_cast<size_t>(std::min<uint64_t>(chunk_bytes, expected_ - next_offset_));
        if (chunk.wanted == 0) return;
        io_uring_sqe& operation = ring_.next_operation();
        io_uring_prep_read(&operation, file_, chunk.bytes.data(), static_cast<unsigned>(chunk.wanted), next_offset_);
        io_uring_sqe_set_data(&operation, &chunk);
        next_offset_ += chunk.wanted;
        chunk.is_done = false;
        ++in_flight_;
    }

    void take_completions() {
        ring_.wait([this](void* data, int result) {
            auto* chunk = static_cast<Chunk*>(data);
            chunk->result = result;
            chunk->is_done = true;
            --in_flight_;
        });
    }

    Ring& ring_;
    std::vector<Chunk> chunks_;
    int file_ = -1;
    uint64_t expected_ = 0;
    uint64_t next_offset_ = 0;
    size_t in_flight_ = 0;
};

class RingWorker final : public HashWorker {
  public:
    RingWorker()
        : ring_(ring_entries), careful_(ring_), buffers_(max_flights * small_bytes), flights_(flights_limit()) {
        for (size_t i = 0; i < flights_.size(); ++i) {
            flights_[i].buffer = std::span(buffers_).subspan(i * small_bytes, small_bytes);
            free_.push_back(&flights_[i]);
        }
    }

    void hash(const HashBatch& batch) override {
        batch_ = &batch;
        directory_.reset();
        postponed_.clear();
        auto next = batch.items.begin();
        do {
            while (!free_.empty() && next != batch.items.end() && !batch.stop.stop_requested()) start(*next++);
            if (free_.size() == flights_.size()) break;
            ring_.wait([this](void* flight, int result) { advance(*static_cast<Flight*>(flight), result); });
        } while (true);
        directory_.reset();

        DirectoryCache directories(batch.root, batch.links);
        for (HashItem* item : postponed_) {
            if (batch.stop.stop_requested()) return;
            careful_.open_and_hash(batch, directories, *item);
        }
    }

  private:
    struct Directory {
        std::string path;
        Fd fd;
    };

    /// A small file on its way: it is opened, and read when `file` is open.
    struct Flight {
        HashItem* item = nullptr;
        std::shared_ptr<Directory> directory;  ///< the kernel may look at the descriptor as late as it opens the file
        std::string name;
        Fd file;
        Stamp before;
        std::span<std::byte> buffer;
    };

    void start(HashItem& item) {
        if (item.expected.size > small_bytes) return postponed_.push_back(&item);
        std::string_view parent = parent_path(item.path);
        if (!directory_ || directory_->path != parent) {
            directory_ = std::make_shared<Directory>(
                Directory{std::string(parent), open_directory(batch_->root, parent, batch_->links)});
            if (!directory_->fd) {
                // Met again, and reported, where nothing else is in flight.
                postponed_.push_back(&item);
                return directory_.reset();
            }
        }
        Flight& flight = *free_.back();
        free_.pop_back();
        flight.item = &item;
        flight.directory = directory_;
        flight.name = last_name(item.path);
        io_uring_sqe& operation = ring_.next_operation();
        io_uring_prep_openat(&operation, directory_->fd.get(), flight.name.c_str(), hash_open_flags(batch_->links), 0);
        io_uring_sqe_set_data(&operation, &flight);
    }

    void advance(Flight& flight, int result) {
        if (flight.file) {
            take_content(flight, result);
        } else if (start_reading(flight, result)) {
            return;
        }
        flight.file.close();
        flight.directory.reset();
        free_.push_back(&flight);
    }

    /// False when there is nothing to be read here.
    bool start_reading(Flight& flight, int result) {
        HashItem& item = *flight.item;
        if (result < 0) {
            bool may_go_later = result == -EMFILE || result == -ENFILE || result == -EINTR || result == -EAGAIN;
            if (!may_go_later) item.error = errno_text(-result);
            if (may_go_later) postponed_.push_back(&item);
            return false;
        }
        flight.file = Fd(result);
        if (batch_->stop.stop_requested() || !look_at_open_file(result, flight.before, item.error)) return false;
        if (flight.before.size > small_bytes) {
            postponed_.push_back(&item);
            return false;
        }
        io_uring_sqe& operation = ring_.next_operation();
        io_uring_prep_read(&operation, result, flight.buffer.data(), static_cast<unsigned>(flight.before.size), 0);
        io_uring_sqe_set_data(&operation, &flight);
        return true;
    }

    void take_content(Flight& flight, int result) {
        HashItem& item = *flight.item;
        if (batch_->stop.stop_requested()) return;
        bool is_whole = result >= 0 && static_cast<uint64_t>(result) == flight.before.size;
        if (is_whole && !look_at_open_file(flight.file.get(), item.stamp, item.error)) return;
        if (!is_whole || item.stamp != flight.before) return postponed_.push_back(&item);
        auto bytes = std::span<const std::byte>(flight.buffer).first(static_cast<size_t>(result));
        hasher_.update(bytes);
        item.digest = hasher_.finish();
        item.generated = has_generated_marker(bytes);
        if (batch_->bytes_done) batch_->bytes_done->fetch_add(bytes.size(), std::memory_order_relaxed);
    }

    Ring ring_;
    ReadingAhead careful_;
    Hasher hasher_;
    std::vector<std::byte> buffers_;
    std::vector<Flight> flights_;
    std::vector<Flight*> free_;
    // Of the batch that is hashed:
    const HashBatch* batch_ = nullptr;
    std::shared_ptr<Directory> directory_;
    std::vector<HashItem*> postponed_;  ///< large, or not as expected: done when nothing is in flight any more
};

}  // namespace

std::unique_ptr<HashWorker> make_ring_worker() { return std::make_unique<RingWorker>(); }

}  // namespace syncline::fs
