#include "fs/file_hasher.hpp"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace syncline::fs {

namespace {

// Fits into the second level cache together with what else is in use.
constexpr size_t buffer_bytes = size_t{256} << 10;
/// A file that changes while it is read is read so many times.
constexpr int max_attempts = 4;
/// `@generated` is looked for in so many bytes.
constexpr size_t marker_bytes = 4096;

constexpr std::string_view no_regular_file = "is no regular file any more";
constexpr std::string_view changes_while_read = "changes while it is read";

}  // namespace

int hash_open_flags(Links links) {
    int no_follow = links == Links::refuse ? O_NOFOLLOW : 0;
    return O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | no_follow;
}

bool look_at_open_file(int file, Stamp& stamp, std::string& error) {
    struct statx status;
    if (::statx(file, "", statx_flags, statx_mask, &status) != 0) {
        error = errno_text(errno);
    } else if (!S_ISREG(status.stx_mode)) {
        error = no_regular_file;
    } else {
        stamp = to_stamp(status);
    }
    return error.empty();
}

bool has_generated_marker(std::span<const std::byte> head) {
    auto text = std::string_view(reinterpret_cast<const char*>(head.data()), std::min(head.size(), marker_bytes));
    return text.find("@generated") != std::string_view::npos;
}

FileHasher::FileHasher() : buffer_(buffer_bytes) {}

void FileHasher::open_and_hash(const HashBatch& batch, DirectoryCache& directories, HashItem& item) {
    int directory = directories.open(parent_path(item.path));
    Fd file;
    if (directory >= 0) {
        name_ = last_name(item.path);
        file = Fd(::openat(directory, name_.c_str(), hash_open_flags(batch.links)));
    }
    if (file) {
        hash_open_file(batch, file.get(), item);
    } else {
        item.error = errno_text(errno);
    }
}

void FileHasher::hash_open_file(const HashBatch& batch, int file, HashItem& item) {
    Stamp before = item.expected;
    // A small file that changed since it was listed is cheaper read once in vain than looked at every time.
    bool look_first = !before.known() || before.size > buffer_bytes;
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
        if (look_first && !look_at_open_file(file, before, item.error)) return;
        uint64_t size = 0;
        int error = read(batch, file, before.size, item, size);
        item.digest = hasher_.finish();
        if (batch.stop.stop_requested()) return;
        if (error != 0) {
            item.error = error == ESPIPE ? no_regular_file : errno_text(error);
            return;
        }
        if (!look_at_open_file(file, item.stamp, item.error)) return;
        if (item.stamp == before && size == before.size) return;
        before = item.stamp;
        look_first = true;
    }
    item.error = changes_while_read;
}

/// pread() never takes anything from a FIFO, a socket or a terminal: it refuses them with ESPIPE.
int FileHasher::read(const HashBatch& batch, int file, uint64_t expected, HashItem& item, uint64_t& size) {
    do {
        ssize_t got = ::pread(file, buffer_.data(), buffer_.size(), static_cast<off_t>(size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) return 0;
        take(batch, std::span(buffer_).first(static_cast<size_t>(got)), item, size);
    } while (size < expected && !batch.stop.stop_requested());
    return 0;
}

void FileHasher::take(const HashBatch& batch, std::span<const std::byte> bytes, HashItem& item, uint64_t& size) {
    if (size == 0) item.generated = has_generated_marker(bytes);
    hasher_.update(bytes);
    size += bytes.size();
    if (batch.bytes_done) batch.bytes_done->fetch_add(bytes.size(), std::memory_order_relaxed);
}

}  // namespace syncline::fs
