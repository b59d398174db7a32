#include "endpoint/bucket_multipart.hpp"

#include <algorithm>

#include "async/nursery.hpp"
#include "base/rel_path.hpp"
#include "endpoint/bucket_commit.hpp"
#include "endpoint/bucket_listing.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_content.hpp"

namespace syncline {
namespace {

constexpr int attempts = 3;
constexpr size_t pieces_hashed_at_once = 2;
constexpr size_t parts_at_once = 6;

/// Borrowed for as long as it lives: memory that is new each time costs more than reading into it.
class PartBuffer {
  public:
    using Free = std::vector<std::unique_ptr<char[]>>;

    PartBuffer(Free& free, uint64_t bytes) : free_(free) {
        if (free_.empty()) free_.push_back(std::make_unique_for_overwrite<char[]>(static_cast<size_t>(bytes)));
        bytes_ = std::move(free_.back());
        free_.pop_back();
    }
    ~PartBuffer() { free_.push_back(std::move(bytes_)); }
    PartBuffer(const PartBuffer&) = delete;
    PartBuffer& operator=(const PartBuffer&) = delete;
    char* data() { return bytes_.get(); }

  private:
    Free& free_;
    std::unique_ptr<char[]> bytes_;
};

std::string raw(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

}  // namespace

uint64_t part_bytes_of(uint64_t size) {
    constexpr uint64_t mebibyte = uint64_t{1} << 20;
    uint64_t least = (size + s3::max_parts - 1) / s3::max_parts;
    return std::max(bucket_part_bytes, (least + mebibyte - 1) / mebibyte * mebibyte);
}

Task<void> MultipartUpload::send(CommitItem& item) {
    key_ = means_.keys.file_key(item.path);
    item.error = BucketKeys::why_no_key(key_);
    if (!item.error.empty()) co_return;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        auto trying = try_to_send(item);
        Outcome outcome = co_await std::move(trying);
        if (outcome != Outcome::changed) co_return;
    }
    item.error = "changes while it is sent; it will be tried again at the next run";
}

Task<MultipartUpload::Outcome> MultipartUpload::try_to_send(CommitItem& item) {
    if (!open(item)) co_return Outcome::failed;
    std::optional<s3::S3Error> refusal;
    bool is_whole = false;
    try {
        co_await hash();
        if (!is_unchanged()) co_return Outcome::changed;
        auto looking = putter_.look(item, key_);
        std::optional<Condition> condition = co_await std::move(looking);
        if (!condition) co_return Outcome::failed;
        co_await begin(item);
        IndexedWork send_one = [this](size_t i) { return send_part(i); };
        co_await for_each_index(pieces_.size(), parts_at_once, send_one);
        is_whole = is_unchanged();
        if (is_whole) co_await conclude(item);
    } catch (const s3::S3Error& error) {
        if (!error.concerns_one_key()) throw;
        refusal = error;
    }
    if (is_whole && !refusal) co_return item.error.empty() ? Outcome::done : Outcome::failed;
    co_await give_up();
    bool has_changed = !refusal || refusal->failure() == s3::Failure::digest;
    if (!has_changed) item.error = error_of(*refusal);
    co_return has_changed ? Outcome::changed : Outcome::failed;
}

bool MultipartUpload::open(CommitItem& item) {
    fs::DirectoryCache directories(content_.root, content_.follow_symlinks ? fs::Links::follow : fs::Links::refuse);
    file_ = open_content(directories, content_, item.path, item.error);
    Entry entry;
    if (!file_ || !fs::read_entry(file_.get(), "", entry)) {
        if (item.error.empty()) item.error = "cannot read the source: " + errno_text(errno);
        return false;
    }
    before_ = entry.stamp;
    is_racy_ = is_racy(before_, wall_clock_now());
    record_ = {};
    record_.path = item.path;
    record_.size = before_.size;
    record_.part_bytes = part_bytes_of(before_.size);
    buffers_.clear();
    pieces_.assign((before_.size + record_.part_bytes - 1) / record_.part_bytes, {});
    parts_.assign(pieces_.size(), {});
    return true;
}

bool MultipartUpload::is_unchanged() const {
    Entry now;
    return fs::read_entry(file_.get(), "", now) && now.stamp == before_ && whole_.size == before_.size;
}

Task<void> MultipartUpload::hash() {
    IndexedWork one = [this](size_t i) { return hash_piece(i); };
    auto body = [&](Nursery& nursery) {
        nursery.spawn(hash_whole());
        return for_each_index(pieces_.size(), pieces_hashed_at_once, one);
    };
    co_await with_nursery(body);
    record_.digest = whole_.sha256;
}

Task<void> MultipartUpload::hash_whole() {
    auto work = [this](std::stop_token stop) { whole_ = sum_file(file_.get(), false, std::move(stop)); };
    co_await offload(means_.workers, work);
}

Task<void> MultipartUpload::hash_piece(size_t index) {
    bool with_md5 = !s3::checks_signed_digests(means_.s3.settings());
    auto work = [&, this](std::stop_token stop) {
        pieces_[index] = sum_range(file_.get(), index * record_.part_bytes, record_.part_bytes, with_md5, stop);
    };
    co_await offload(means_.workers, work);
}

/// An upload of the same content that broke off, or a new one.
Task<void> MultipartUpload::begin(CommitItem& item) {
    std::vector<UploadRecord> known;
    if (uploads_ != nullptr) known = uploads_->uploads();
    for (const UploadRecord& record : known) {
        bool is_same = record.path == record_.path && record.digest == record_.digest && record.size == record_.size &&
                       record.part_bytes == record_.part_bytes;
        if (!is_same) continue;
        auto going_on = go_on_with(record);
        bool goes_on = co_await std::move(going_on);
        if (goes_on) co_return;
    }
    ObjectFacts facts;
    facts.sha256 = whole_.sha256;
    facts.mode = mode_of(item);
    facts.mtime = before_.mtime;
    s3::PutRequest request;
    request.key = key_;
    request.metadata = write_metadata(facts).value_or(ObjectMetadata{});
    auto creating = means_.s3.create_upload(std::move(request));
    record_.id = co_await std::move(creating);
    record_.begun_at = wall_clock_now();
    if (uploads_ != nullptr) uploads_->add(record_);
}

Task<bool> MultipartUpload::go_on_with(UploadRecord record) {
    std::vector<s3::UploadedPart> there;
    bool is_gone = false;
    try {
        auto listing = means_.s3.list_parts(key_, record.id);
        there = co_await std::move(listing);
    } catch (const s3::S3Error& error) {
        if (error.failure() != s3::Failure::no_key) throw;
        is_gone = true;
    }
    if (is_gone) {
        uploads_->forget(record.id);
        co_return false;
    }
    for (const UploadPartRecord& sent : uploads_->parts(record.id)) {
        size_t index = sent.number - size_t{1};
        if (index >= pieces_.size() || sent.sum != raw(pieces_[index].sha256)) continue;
        auto has_it = [&](const s3::UploadedPart& part) {
            return part.number == sent.number && part.etag == sent.etag && part.size == pieces_[index].size;
        };
        auto found = std::ranges::find_if(there, has_it);
        if (found == there.end()) continue;
        parts_[index] = *found;
        progress_.bytes_done += pieces_[index].size;
    }
    record_ = std::move(record);
    co_return true;
}

Task<void> MultipartUpload::send_part(size_t index) {
    if (parts_[index].number != 0) co_return;
    const ContentSums& sums = pieces_[index];
    PartBuffer buffer(buffers_, record_.part_bytes);
    std::string_view bytes;
    auto work = [&](std::stop_token) {
        std::span<char> whole(buffer.data(), sums.size);
        bytes = {whole.data(), read_into(file_.get(), index * record_.part_bytes, whole)};
    };
    co_await offload(means_.workers, work);
    if (bytes.size() != sums.size) {
        throw s3::S3Error(s3::Failure::digest, "the file became shorter while it was sent", {}, "", key_);
    }
    s3::Payload payload(bytes, sums.sha256, sums.md5);
    auto sending = means_.s3.upload_part(key_, record_.id, static_cast<unsigned>(index + 1), payload);
    parts_[index] = co_await std::move(sending);
    parts_[index].number = static_cast<unsigned>(index + 1);
    progress_.bytes_done += sums.size;
    UploadPartRecord sent{parts_[index].number, parts_[index].etag, raw(sums.sha256)};
    if (uploads_ != nullptr) uploads_->add_part(record_.id, sent);
}

/// Makes the object, and looks whether it stands there. What is recorded is the ETag of this upload, as its answer or
/// its parts tell it: what the look shows may be somebody else's by then.
Task<void> MultipartUpload::conclude(CommitItem& item) {
    auto completing = means_.s3.complete_upload(key_, record_.id, parts_);
    std::string etag = co_await std::move(completing);
    if (etag.empty()) etag = s3::multipart_etag(parts_);
    if (uploads_ != nullptr) uploads_->forget(record_.id);
    auto looking = means_.s3.head(key_);
    std::optional<s3::ObjectHead> now = co_await std::move(looking);
    bool is_ours = now && now->size == whole_.size && read_metadata(now->metadata).sha256 == whole_.sha256;
    if (!is_ours) {
        item.error = "was replaced by another object as soon as it was sent; see who else writes there";
        co_return;
    }
    item.committed = whole_.sha256;
    item.source_stamp = is_racy_ ? Stamp{} : before_;
    item.source_stamp.size = before_.size;
    bool is_known = !etag.empty() && object_stamp(now->size, now->etag) == object_stamp(whole_.size, etag);
    item.target_stamp = is_known ? object_stamp(whole_.size, etag) : Stamp{};
    item.target_stamp.size = whole_.size;
    item.target_mode = mode_of(item);
    ++progress_.files_done;
}

Task<void> MultipartUpload::give_up() {
    if (record_.id.empty()) co_return;
    auto aborting = means_.s3.abort_upload(key_, record_.id);
    co_await std::move(aborting);
    if (uploads_ != nullptr) uploads_->forget(record_.id);
}

}  // namespace syncline
