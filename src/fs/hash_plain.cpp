// The plain backend of HashPool: one file after the other with open, pread, fstat and close.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/error.hpp"
#include "base/rel_path.hpp"
#include "fs/hash_worker.hpp"

namespace syncline::fs {

namespace {

constexpr size_t buffer_bytes = size_t{256} << 10;

class PlainWorker final : public HashWorker {
  public:
    PlainWorker() : buffer_(buffer_bytes) {}

    void hash(const HashBatch& batch) override {
        batch_ = &batch;
        DirectoryCache directories(batch.root, batch.links);
        for (HashItem& item : batch.items) {
            if (batch.stop.stop_requested()) return;
            int error = open_and_hash(directories, item);
            if (error != 0) item.error = errno_text(error);
        }
    }

  private:
    /// An errno value, or 0.
    int open_and_hash(DirectoryCache& directories, HashItem& item) {
        int directory = directories.open(parent_path(item.path));
        if (directory < 0) return errno;
        name_ = last_name(item.path);
        // O_NONBLOCK: a FIFO that took the file's place is opened without waiting for a writer.
        int no_follow = batch_->links == Links::refuse ? O_NOFOLLOW : 0;
        Fd file(::openat(directory, name_.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | no_follow));
        if (!file) return errno;
        return hash_open_file(file.get(), item);
    }

    int hash_open_file(int file, HashItem& item) {
        Stamp before = item.expected;
        // A small file that changed since it was listed is cheaper read once in vain than looked at every time.
        bool look_first = !before.known() || before.size > buffer_bytes;
        for (int attempt = 0; attempt < max_hash_attempts; ++attempt) {
            if (look_first) {
                int error = look(file, before, item);
                if (error != 0 || !item.error.empty()) return error;
            }
            uint64_t size = 0;
            int error = read(file, before.size, item, size);
            if (error == ESPIPE) item.error = no_regular_file;
            if (batch_->stop.stop_requested() || !item.error.empty()) return 0;
            if (error == 0) error = look(file, item.stamp, item);
            if (error != 0 || !item.error.empty()) return error;
            if (item.stamp == before && size == before.size) return 0;
            before = item.stamp;
            look_first = true;
        }
        item.error = changes_while_read;
        return 0;
    }

    int look(int file, Stamp& stamp, HashItem& item) {
        struct statx status;
        if (::statx(file, "", statx_flags, statx_mask, &status) != 0) return errno;
        if (S_ISREG(status.stx_mode)) {
            stamp = to_stamp(status);
        } else {
            item.error = no_regular_file;
        }
        return 0;
    }

    /// Hashes up to `expected` bytes, which is where the file ends unless it is changing. pread() never reads a FIFO, a socket
    /// or a terminal, which it refuses with ESPIPE.
    int read(int file, uint64_t expected, HashItem& item, uint64_t& size) {
        int error = 0;
        while (true) {
            ssize_t got = ::pread(file, buffer_.data(), buffer_.size(), static_cast<off_t>(size));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) error = errno;
            if (got <= 0) break;
            auto bytes = std::span(buffer_).first(static_cast<size_t>(got));
            if (size == 0) item.generated = has_generated_marker(bytes);
            hasher_.update(bytes);
            size += bytes.size();
            if (batch_->bytes_done) batch_->bytes_done->fetch_add(bytes.size(), std::memory_order_relaxed);
            if (size >= expected || batch_->stop.stop_requested()) break;
        }
        item.digest = hasher_.finish();
        return error;
    }

    const HashBatch* batch_ = nullptr;
    std::string name_;
    Hasher hasher_;
    std::vector<std::byte> buffer_;
};

}  // namespace

std::unique_ptr<HashWorker> make_plain_worker() { return std::make_unique<PlainWorker>(); }

}  // namespace syncline::fs
