#include "endpoint/bucket_large.hpp"

#include <unistd.h>

#include "async/nursery.hpp"

namespace syncline {
namespace {

constexpr size_t ranges_at_once = 4;

}  // namespace

Task<void> FileBody::take(std::string_view bytes) {
    if (workers_ == nullptr) {
        write(bytes);
    } else {
        auto work = [&, this](std::stop_token) { write(bytes); };
        co_await offload(*workers_, work);
    }
    progress_.bytes_done += bytes.size();
}

void FileBody::write(std::string_view bytes) {
    write_whole(file_, bytes, offset_);
    offset_ += bytes.size();
}

void write_whole(int file, std::string_view bytes, uint64_t offset) {
    while (!bytes.empty()) {
        ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw Error(Errc::failed, "cannot write what is fetched: " + errno_text(errno));
        bytes.remove_prefix(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
    }
}

LargeObject::LargeObject(const asio::any_io_executor& executor, BucketMeans means, std::string key, uint64_t size,
                         int file, Progress& progress)
    : means_(means),
      key_(std::move(key)),
      size_(size),
      file_(file),
      progress_(progress),
      came_((size + bucket_range_bytes - 1) / bucket_range_bytes, false),
      came_some_(executor) {}

Task<s3::ObjectHead> LargeObject::receive(std::string etag) {
    etag_ = std::move(etag);
    auto first = receive_range(0);
    co_await std::move(first);
    if (head_.size != size_) co_return head_;
    etag_ = head_.etag;
    // The MD5 of an object that was sent in parts is not known.
    bool with_md5 = s3::may_be_md5(head_.etag);
    IndexedWork one = [this](size_t i) { return receive_range(i + 1); };
    auto body = [&, this](Nursery& nursery) {
        nursery.spawn(hash(with_md5));
        return for_each_index(ranges() - 1, ranges_at_once, one);
    };
    co_await with_nursery(body);
    co_return head_;
}

Task<void> LargeObject::receive_range(size_t index) {
    uint64_t from = index * bucket_range_bytes;
    s3::GetRequest request(key_, from, std::min(bucket_range_bytes, size_ - from));
    request.if_match = etag_;
    request.size = size_;
    FileBody body(file_, from, &means_.workers, progress_);
    auto getting = means_.s3.get(std::move(request), body);
    s3::ObjectHead head = co_await std::move(getting);
    if (index == 0) head_ = std::move(head);
    came_[index] = true;
    came_some_.notify();
}

/// Follows the ranges.
Task<void> LargeObject::hash(bool with_md5) {
    SumsInOrder sums(with_md5);
    for (size_t index = 0; index < ranges(); ++index) {
        while (!came_[index]) co_await came_some_.wait();
        auto work = [&, this](std::stop_token) {
            uint64_t from = index * bucket_range_bytes;
            sums.add(read_piece(file_, from, std::min(bucket_range_bytes, size_ - from)));
        };
        co_await offload(means_.workers, work);
    }
    sums_ = sums.finish();
}

}  // namespace syncline
