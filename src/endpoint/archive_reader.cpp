#include "endpoint/archive_reader.hpp"

#include <algorithm>

#include "async/nursery.hpp"

namespace syncline {
namespace {

constexpr uint64_t range_bytes = uint64_t{4} << 20;
constexpr size_t ranges_at_once = 4;
// What changed while it was packed is in an archive more than once.
constexpr uint64_t most_times = 4, headers_of_a_member = 4096, least_limit = uint64_t{64} << 20;

/// A little archive may unpack to more than any disk holds.
struct TooLong {};

}  // namespace

uint64_t ArchiveReader::most_bytes_of(const ArchiveManifest& manifest) {
    uint64_t bytes = least_limit;
    for (const Entry& entry : manifest.tree.entries()) {
        uint64_t member = std::min(entry.stamp.size, UINT64_MAX / 16) + headers_of_a_member;
        bytes += std::min(member * most_times, UINT64_MAX - bytes);
    }
    return bytes;
}

std::string ArchiveReader::error() const {
    if (is_too_long_) return "it holds far more than its manifest says";
    if (!zstd_.error().empty()) return zstd_.error();
    if (!tar_.error().empty()) return tar_.error();
    bool is_read = has_begun_ && offset_ >= end() && ready_.empty();
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
    uint64_t rest = end() - offset_;
    size_t count = static_cast<size_t>(std::min<uint64_t>(ranges_at_once, (rest + range_bytes - 1) / range_bytes));
    coming_.assign(count, {});
    IndexedWork one = [this](size_t i) { return fetch_range(i); };
    co_await for_each_index(count, ranges_at_once, one);
    offset_ += std::min(rest, count * range_bytes);
}

Task<void> ArchiveReader::fetch_range(size_t index) {
    uint64_t from = offset_ + index * range_bytes;
    uint64_t length = std::min(range_bytes, end() - from);
    s3::GetRequest request(means_.keys.file_key(manifest_.archive), from, length);
    request.if_match = manifest_.archive_etag;
    request.size = manifest_.archive_bytes;
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
        ZstdReader::Take take = [&](std::string_view bytes) {
            if (stop.stop_requested()) throw Cancelled();
            unpacked_ += bytes.size();
            if (unpacked_ > most_bytes_) throw TooLong();
            tar_.feed(bytes);
        };
        try {
            for (const std::string& range : ready_) zstd_.feed(range, take);
        } catch (const TooLong&) {
            is_too_long_ = true;
        }
    };
    co_await offload(means_.workers, work);
}

}  // namespace syncline
