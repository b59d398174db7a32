#include "fs/copy.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <span>
#include <thread>

#include "base/error.hpp"

namespace syncline::fs {
namespace {

constexpr size_t small_size = 512 * 1024;  // read whole, one buffer
constexpr size_t chunk_size = 1024 * 1024;
constexpr size_t chunks_in_flight = 8;

/// Reads exactly `size` bytes; fewer when the file ends. -1 and errno on failure.
ssize_t read_fully(int fd, std::byte* data, size_t size, off_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t count = ::pread(fd, data + done, size - done, offset + static_cast<off_t>(done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) break;
        done += static_cast<size_t>(count);
    }
    return static_cast<ssize_t>(done);
}

bool write_fully(int fd, const std::byte* data, size_t size, off_t offset) {
    size_t done = 0;
    while (done < size) {
        ssize_t count = ::pwrite(fd, data + done, size - done, offset + static_cast<off_t>(done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        done += static_cast<size_t>(count);
    }
    return true;
}

bool is_sparse(int fd, uint64_t size) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && static_cast<uint64_t>(status.st_blocks) * 512 < size;
}

/// Where the data of a file lies.
struct Stretch {
    uint64_t end = 0;
    bool is_hole = false;
};

/// The stretch of data or hole that begins at `offset`.
Stretch stretch_at(int fd, uint64_t offset, uint64_t size) {
    auto limit = [size](off_t position) {
        return position < 0 ? size : std::min<uint64_t>(size, static_cast<uint64_t>(position));
    };
    uint64_t data = limit(::lseek(fd, static_cast<off_t>(offset), SEEK_DATA));
    if (data > offset) return {data, true};
    return {limit(::lseek(fd, static_cast<off_t>(offset), SEEK_HOLE)), false};
}

const std::vector<std::byte>& zeros() {
    static const std::vector<std::byte> bytes(chunk_size);
    return bytes;
}

}  // namespace

bool share_or_copy(int source, int target, const std::stop_token& stop) {
    if (::ioctl(target, FICLONE, source) == 0) return true;
    std::vector<std::byte> buffer(chunk_size);
    for (off_t offset = 0;;) {
        if (stop.stop_requested()) throw Cancelled();
        ssize_t count = read_fully(source, buffer.data(), buffer.size(), offset);
        if (count <= 0) return count == 0;
        if (!write_fully(target, buffer.data(), static_cast<size_t>(count), offset)) return false;
        offset += count;
    }
}

/// A stretch of the source: its bytes, or a hole.
struct FileCopier::Chunk {
    uint64_t offset = 0;
    size_t size = 0;
    bool is_hole = false;
    std::unique_ptr<std::byte[]> data;
};

/// Follows the copy on a thread of its own: reads each chunk back from the target, compares it and hashes it.
class FileCopier::Verifier {
  public:
    Verifier(int target, Hasher& hasher) : target_(target), hasher_(hasher), thread_([this] { serve(); }) {}
    ~Verifier() { finish(); }

    /// An empty buffer for the next chunk; waits while too many are on their way.
    std::unique_ptr<std::byte[]> buffer() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return in_flight_ < chunks_in_flight || differs_; });
        ++in_flight_;
        if (free_.empty()) return std::make_unique<std::byte[]>(chunk_size);
        std::unique_ptr<std::byte[]> taken = std::move(free_.back());
        free_.pop_back();
        return taken;
    }

    void follow(Chunk chunk) {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(chunk));
        changed_.notify_all();
    }

    /// Waits for what was handed over. True when the target holds what was read.
    bool finish() {
        {
            std::lock_guard lock(mutex_);
            closing_ = true;
            changed_.notify_all();
        }
        if (thread_.joinable()) thread_.join();
        return !differs_;
    }

  private:
    void serve() {
        std::vector<std::byte> read_back(chunk_size);
        while (true) {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return !queue_.empty() || closing_; });
            if (queue_.empty()) return;
            Chunk chunk = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            bool equal = verify(chunk, read_back);
            lock.lock();
            differs_ = differs_ || !equal;
            --in_flight_;
            free_.push_back(std::move(chunk.data));
            changed_.notify_all();
        }
    }

    bool verify(const Chunk& chunk, std::vector<std::byte>& read_back) {
        const std::byte* expected = chunk.is_hole ? zeros().data() : chunk.data.get();
        ssize_t count = read_fully(target_, read_back.data(), chunk.size, static_cast<off_t>(chunk.offset));
        if (count != static_cast<ssize_t>(chunk.size)) return false;
        if (std::memcmp(read_back.data(), expected, chunk.size) != 0) return false;
        hasher_.update(std::span(read_back.data(), chunk.size));
        return true;
    }

    int target_;
    Hasher& hasher_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Chunk> queue_;
    std::vector<std::unique_ptr<std::byte[]>> free_;
    size_t in_flight_ = 0;
    bool closing_ = false;
    bool differs_ = false;
    std::thread thread_;
};

FileCopier::FileCopier(RateLimiter& limiter) : limiter_(limiter), buffer_(small_size), read_back_(small_size) {}
FileCopier::~FileCopier() = default;

void FileCopier::fail(std::string why, int error_number) {
    error_ = std::move(why);
    error_number_ = error_number;
}

void FileCopier::fail_errno(const std::string& what) {
    int error_number = errno;
    fail(what + ": " + errno_text(error_number), error_number);
}

Digest FileCopier::copy(int source, int target, uint64_t size, bool is_begun, std::stop_token stop,
                        std::atomic<uint64_t>& bytes_done) {
    fail("", 0);
    if (!is_begun && size <= small_size && !(size > 4096 && is_sparse(source, size))) {
        limiter_.take(size, stop);
        Digest digest = copy_small(source, target, size);
        bytes_done += size;
        return digest;
    }
    // The size first, so that holes need no write, and a full disk that can tell says so early.
    if (::ftruncate(target, static_cast<off_t>(size)) != 0) return fail_errno("cannot write the copy"), Digest{};
    // Shared blocks are a snapshot: what the target holds is what the source held.
    if (::ioctl(target, FICLONE, source) == 0) {
        Digest digest = hash(target, size, stop);
        bytes_done += size;
        return digest;
    }
    return copy_large(source, target, size, is_begun, stop, bytes_done);
}

Digest FileCopier::copy_small(int source, int target, size_t size) {
    ssize_t count = read_fully(source, buffer_.data(), size, 0);
    if (count < 0) return fail_errno("cannot read it"), Digest{};
    if (static_cast<size_t>(count) != size) return fail("it became shorter while it was read", 0), Digest{};
    if (size == 0) return hasher_.finish();
    if (!write_fully(target, buffer_.data(), size, 0)) return fail_errno("cannot write the copy"), Digest{};
    bool equal = read_fully(target, read_back_.data(), size, 0) == count &&
                 std::memcmp(buffer_.data(), read_back_.data(), size) == 0;
    if (!equal) return fail("the copy read back differs from the source", EIO), Digest{};
    hasher_.update(std::span(read_back_.data(), size));
    return hasher_.finish();
}

Digest FileCopier::hash(int file, uint64_t size, std::stop_token stop) {
    uint64_t offset = 0;
    while (offset < size) {
        if (stop.stop_requested()) throw Cancelled();
        ssize_t count = read_fully(file, read_back_.data(), read_back_.size(), static_cast<off_t>(offset));
        if (count <= 0) break;
        hasher_.update(std::span(read_back_.data(), static_cast<size_t>(count)));
        offset += static_cast<uint64_t>(count);
    }
    if (offset != size) fail("it has another size than it had a moment ago", 0);
    return hasher_.finish();
}

Digest FileCopier::copy_large(int source, int target, uint64_t size, bool is_begun, std::stop_token stop,
                              std::atomic<uint64_t>& bytes_done) {
    // What was begun of another content may have data where a hole is now.
    bool sparse = !is_begun && is_sparse(source, size);
    Verifier verifier(target, hasher_);
    uint64_t offset = 0;
    Stretch stretch{sparse ? 0 : size, false};
    while (offset < size && error_.empty()) {
        if (stop.stop_requested()) throw Cancelled();
        if (offset >= stretch.end) stretch = stretch_at(source, offset, size);
        size_t length = static_cast<size_t>(std::min<uint64_t>(chunk_size, stretch.end - offset));
        Chunk chunk{offset, length, stretch.is_hole, verifier.buffer()};
        if (!chunk.is_hole) copy_chunk(source, target, chunk, is_begun, stop);
        offset += length;
        bytes_done += length;
        verifier.follow(std::move(chunk));
    }
    bool equal = verifier.finish();
    Digest digest = hasher_.finish();
    if (!equal && error_.empty()) fail("the copy read back differs from the source", EIO);
    return digest;
}

bool FileCopier::holds(int target, const Chunk& chunk) {
    read_back_.resize(std::max(read_back_.size(), chunk.size));
    return read_fully(target, read_back_.data(), chunk.size, static_cast<off_t>(chunk.offset)) ==
               static_cast<ssize_t>(chunk.size) &&
           std::memcmp(read_back_.data(), chunk.data.get(), chunk.size) == 0;
}

void FileCopier::copy_chunk(int source, int target, const Chunk& chunk, bool is_begun, const std::stop_token& stop) {
    ssize_t count = read_fully(source, chunk.data.get(), chunk.size, static_cast<off_t>(chunk.offset));
    if (count < 0) {
        fail_errno("cannot read it");
    } else if (static_cast<size_t>(count) != chunk.size) {
        fail("it became shorter while it was read", 0);
    } else if (is_begun && holds(target, chunk)) {
        return;  // and the verifier looks again
    } else if (limiter_.take(chunk.size, stop);
               !write_fully(target, chunk.data.get(), chunk.size, static_cast<off_t>(chunk.offset))) {
        fail_errno("cannot write the copy");
    }
}

}  // namespace syncline::fs
