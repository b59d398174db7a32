#include "endpoint/archive_upload.hpp"

#include "endpoint/bucket_multipart.hpp"
#include "endpoint/bucket_sums.hpp"

namespace syncline {
namespace {

constexpr size_t parts_at_once = 4;

}  // namespace

ArchiveUpload::ArchiveUpload(const asio::any_io_executor& executor, BucketMeans means, UploadJournal* uploads,
                             std::string name, uint64_t most_bytes)
    : means_(means),
      uploads_(uploads),
      name_(std::move(name)),
      key_(means.keys.file_key(name_)),
      part_bytes_(part_bytes_of(most_bytes)),
      places_(executor, parts_at_once) {}

Task<void> ArchiveUpload::begin() {
    s3::PutRequest request;
    request.key = key_;
    request.content_type = "application/zstd";
    auto creating = means_.s3.create_upload(std::move(request));
    id_ = co_await std::move(creating);
    UploadRecord record;
    record.id = id_;
    record.path = name_;
    record.begun_at = wall_clock_now();
    if (uploads_ != nullptr) uploads_->add(record);
}

Task<void> ArchiveUpload::send(ArchiveSource& source) {
    auto body = [&, this](Nursery& nursery) { return send_parts(source, nursery); };
    co_await with_nursery(body);
}

Task<void> ArchiveUpload::send_parts(ArchiveSource& source, Nursery& nursery) {
    bool has_more = true;
    while (has_more) {
        auto filling = source.fill(rest_);
        has_more = co_await std::move(filling);
        while (rest_.size() >= part_bytes_) {
            std::string part = cut_part(part_bytes_);
            auto waiting = places_.acquire();
            Semaphore::Permit permit = co_await std::move(waiting);
            nursery.spawn(send_part(std::move(part), next_number_++, std::move(permit)));
        }
    }
}

std::string ArchiveUpload::cut_part(size_t bytes) {
    std::string part = rest_.substr(0, bytes);
    rest_.erase(0, bytes);
    return part;
}

Task<void> ArchiveUpload::send_part(std::string bytes, unsigned number, Semaphore::Permit) {
    auto sending = send_bytes(std::move(bytes), number);
    co_await std::move(sending);
}

Task<void> ArchiveUpload::send_bytes(std::string bytes, unsigned number) {
    if (number > s3::max_parts)
        throw Error(Errc::failed, "the archive has grown beyond the 10,000 parts of an upload; run it again");
    ContentSums sums;
    bool with_md5 = !s3::checks_signed_digests(means_.s3.settings());
    auto work = [&](std::stop_token) { sums = sums_of(bytes, with_md5); };
    co_await offload(means_.workers, work);
    s3::Payload payload(bytes, sums.sha256, sums.md5);
    auto uploading = means_.s3.upload_part(key_, id_, number, payload);
    s3::UploadedPart part = co_await std::move(uploading);
    part.number = number;
    sent_bytes_ += bytes.size();
    parts_.emplace(number, std::move(part));
}

Task<s3::ObjectHead> ArchiveUpload::finish() {
    auto sending = send_bytes(std::move(rest_), next_number_++);
    co_await std::move(sending);
    std::vector<s3::UploadedPart> parts;
    for (auto& [number, part] : parts_) parts.push_back(std::move(part));
    auto completing = means_.s3.complete_upload(key_, id_, std::move(parts));
    co_await std::move(completing);
    auto looking = means_.s3.head(key_);
    std::optional<s3::ObjectHead> made = co_await std::move(looking);
    bool is_whole = made && made->size == sent_bytes_;
    if (!is_whole)
        throw Error(Errc::lost, "the archive " + name_ + " is not in the bucket as it was sent; run it again");
    co_return std::move(*made);
}

}  // namespace syncline
