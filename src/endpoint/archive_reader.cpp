#include "endpoint/archive_reader.hpp"

#include <algorithm>

#include "async/nursery.hpp"

namespace syncline {
namespace {

constexpr uint64_t range_bytes = uint64_t{4} << 20;
constexpr size_t ranges_at_once = 4;

}  // namespace

std::string ArchiveReader::error() const {
    if (!zstd_.error().empty()) return zstd_.error();
    if (!tar_.error().empty()) return tar_.error();
    bool is_read = has_begun_ && offset_ >= manifest_.archive_bytes && ready_.empty();
    return is_read && !zstd_.is_whole() ? "it ends early" : "";
}

Task<bool> ArchiveReader::read_some() {
    if (!has_begun_) {
        has_begun_ = true;
        co_await fetch();
        ready_ = std::move(coming_);
        coming_.clear();
    }
    if (is_over()) co_return false;
    auto body = [this](Nursery& nursery) {
        nursery.spawn(fetch());
        return unpack();
    };
    co_await with_nursery(body);
    ready_ = std::move(coming_);
    coming_.clear();
    co_return !is_over();
}

Task<void> ArchiveReader::fetch() {
    uint64_t rest = manifest_.archive_bytes - offset_;
    size_t count = static_cast<size_t>(std::min<uint64_t>(ranges_at_once, (rest + range_bytes - 1) / range_bytes));
    coming_.assign(count, {});
    IndexedWork one = [this](size_t i) { return fetch_range(i); };
    co_await for_each_index(count, ranges_at_once, one);
    offset_ += std::min(rest, count * range_bytes);
}

Task<void> ArchiveReader::fetch_range(size_t index) {
    uint64_t from = offset_ + index * range_bytes;
    uint64_t length = std::min(range_bytes, manifest_.archive_bytes - from);
    s3::GetRequest request(means_.keys.file_key(manifest_.archive), from, length);
    request.if_match = manifest_.archive_etag;
    s3::StringBody body(static_cast<size_t>(length));
    bool is_gone = false;
    try {
        auto getting = means_.s3.get(std::move(request), body);
        co_await std::move(getting);
    } catch (const s3::S3Error& error) {
        is_gone = error.failure() == s3::Failure::no_key || error.failure() == s3::Failure::precondition;
        if (!is_gone) throw;
    }
    if (is_gone || body.bytes().size() != length) {
        throw Error(Errc::lost, "the archive " + manifest_.archive +
                                    " was replaced while it was read; somebody else pushed, run it again");
    }
    coming_[index] = body.take_bytes();
}

Task<void> ArchiveReader::unpack() {
    auto work = [this](std::stop_token stop) {
        ZstdReader::Take take = [this](std::string_view bytes) { tar_.feed(bytes); };
        for (const std::string& range : ready_) {
            if (stop.stop_requested()) throw Cancelled();
            zstd_.feed(range, take);
        }
    };
    co_await offload(means_.workers, work);
}

}  // namespace syncline
