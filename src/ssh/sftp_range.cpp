// Whole ranges of a file, with as many requests in flight as a fast and distant server needs.
#include <algorithm>
#include <cstring>
#include <deque>

#include "async/event.hpp"
#include "ssh/sftp.hpp"

namespace syncline::ssh {
namespace {

constexpr uint64_t in_flight_bytes = 4 * 1024 * 1024;

size_t depth_for(uint32_t piece_bytes) { return std::clamp<size_t>(in_flight_bytes / piece_bytes, 8, 128); }

bool is_zero(std::string_view bytes) {
    return bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

/// Reads in flight, in the order of their offsets; a ring of slots.
struct Sftp::Download {
    struct Slot {
        explicit Slot(const asio::any_io_executor& executor) : done(executor) {}
        uint64_t offset = 0;
        uint32_t size = 0;
        SftpReply<std::string> reply;
        Event done;
    };

    SftpHandle handle;
    uint64_t next = 0;  ///< the first byte that nobody has asked for
    uint64_t end = 0;
    OutputSink* output = nullptr;
    std::vector<std::unique_ptr<Slot>> slots;
    SftpReply<uint64_t> result;
};

Task<void> Sftp::read_slot(Download& download, size_t index) {
    auto& slot = *download.slots[index];
    slot.reply = SftpReply<std::string>();
    // A server may give less than was asked for; less than that is the file's end.
    while (slot.reply.value.size() < slot.size) {
        auto missing = slot.size - static_cast<uint32_t>(slot.reply.value.size());
        auto reading = read(download.handle, slot.offset + slot.reply.value.size(), missing);
        auto piece = co_await std::move(reading);
        slot.reply.status = piece.status;
        if (!piece.ok() || piece.value.empty()) break;
        if (slot.reply.value.empty()) {
            slot.reply.value = std::move(piece.value);
        } else {
            slot.reply.value += piece.value;
        }
    }
    slot.done.notify();
}

Task<void> Sftp::download_all(Nursery& nursery, Download& download) {
    auto count = download.slots.size();
    auto ask = [&](size_t index) {
        auto& slot = *download.slots[index];
        slot.offset = download.next;
        slot.size = static_cast<uint32_t>(std::min<uint64_t>(max_read_bytes_, download.end - download.next));
        download.next += slot.size;
        if (slot.size > 0) nursery.spawn(read_slot(download, index));
    };
    for (size_t i = 0; i < count; ++i) ask(i);
    for (size_t i = 0; download.slots[i]->size > 0; i = (i + 1) % count) {
        auto& slot = *download.slots[i];
        co_await slot.done.wait();
        auto& bytes = slot.reply.value;
        download.result.value += bytes.size();
        download.result.status = slot.reply.status;
        if (!bytes.empty()) co_await download.output->take(bytes);
        // What was asked for beyond the end of the file is of no use; its replies are dropped.
        if (!slot.reply.ok() || bytes.size() < slot.size) break;
        ask(i);
    }
    nursery.cancel();
}

Task<SftpReply<uint64_t>> Sftp::read_range(SftpHandle handle, uint64_t offset, uint64_t size, OutputSink& output) {
    Download download;
    download.handle = std::move(handle);
    download.next = offset;
    download.end = size > UINT64_MAX - offset ? UINT64_MAX : offset + size;
    download.output = &output;
    for (size_t i = 0; i < depth_for(max_read_bytes_); ++i) {
        download.slots.push_back(std::make_unique<Download::Slot>(executor_));
    }
    auto body = [&](Nursery& nursery) { return download_all(nursery, download); };
    co_await with_nursery(body);
    co_return download.result;
}

struct Sftp::Upload {
    Upload(const asio::any_io_executor& executor, size_t depth) : places(executor, depth) {}

    SftpHandle handle;
    uint64_t offset = 0;
    InputSource* input = nullptr;
    bool leaves_holes = false;
    Semaphore places;
    uint64_t failed_at = UINT64_MAX;  ///< the first write that was refused
    SftpStatus failure;
};

Task<void> Sftp::write_slot(Upload& upload, Semaphore::Permit, uint64_t offset, std::string packet, uint32_t id) {
    auto status = co_await status_request(std::move(packet), id);
    if (!status.ok() && offset < upload.failed_at) {
        upload.failed_at = offset;
        upload.failure = status;
    }
}

/// One write, which may be on its way when this returns. Its place is given back when it is acknowledged.
Task<void> Sftp::start_write(Nursery& nursery, Upload& upload, uint64_t offset, std::string_view bytes) {
    auto place = upload.places.acquire();
    auto permit = co_await std::move(place);
    uint32_t id = 0;
    auto writer = begin(sftp_type::write, id);
    auto packet = writer.add_string(upload.handle.bytes).add_u64(offset).add_string(bytes).finish();
    nursery.spawn(write_slot(upload, std::move(permit), offset, std::move(packet), id));
}

Task<void> Sftp::upload_all(Nursery& nursery, Upload& upload) {
    bool ends_in_hole = false;
    while (upload.failed_at == UINT64_MAX) {
        auto piece = co_await upload.input->next();
        if (piece.empty()) break;
        while (!piece.empty() && upload.failed_at == UINT64_MAX) {
            auto bytes = piece.substr(0, max_write_bytes_);
            piece.remove_prefix(bytes.size());
            ends_in_hole = upload.leaves_holes && is_zero(bytes);
            if (!ends_in_hole) {
                auto writing = start_write(nursery, upload, upload.offset, bytes);
                co_await std::move(writing);
            }
            upload.offset += bytes.size();
        }
    }
    bool needs_end = ends_in_hole && upload.failed_at == UINT64_MAX;
    if (needs_end) {
        auto writing = start_write(nursery, upload, upload.offset - 1, std::string_view("\0", 1));
        co_await std::move(writing);
    }
}

Task<SftpReply<uint64_t>> Sftp::write_range(SftpHandle handle, uint64_t offset, InputSource& input, bool leaves_holes) {
    Upload upload(executor_, depth_for(max_write_bytes_));
    upload.handle = std::move(handle);
    upload.offset = offset;
    upload.input = &input;
    upload.leaves_holes = leaves_holes;
    auto body = [&](Nursery& nursery) { return upload_all(nursery, upload); };
    co_await with_nursery(body);
    SftpReply<uint64_t> reply;
    reply.status = upload.failure;
    reply.value = std::min(upload.failed_at, upload.offset) - offset;
    co_return reply;
}

}  // namespace syncline::ssh
