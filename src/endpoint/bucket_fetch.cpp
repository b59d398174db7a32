#include "endpoint/bucket_fetch.hpp"

#include <asio/this_coro.hpp>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/bucket_large.hpp"
#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/local_item.hpp"
#include "fs/hash.hpp"

namespace syncline {
namespace {

constexpr uint64_t small_bytes = 256 * 1024;

class HashBody final : public s3::BodySink {
  public:
    explicit HashBody(Progress* progress) : progress_(progress) {}
    Task<void> take(std::string_view bytes) override {
        hasher_.update(std::as_bytes(std::span(bytes)));
        if (progress_ != nullptr) progress_->bytes_hashed += bytes.size();
        co_return;
    }
    Digest finish() { return hasher_.finish(); }

  private:
    fs::Hasher hasher_;
    Progress* progress_;
};

constexpr std::string_view changed_meanwhile =
    "changed in the bucket while it was fetched; it will be tried again at the next run";

}  // namespace

Task<Digest> hash_object(s3::S3Client& client, std::string key, const s3::ObjectHead& head, Progress* progress) {
    HashBody body(progress);
    s3::GetRequest request(std::move(key));
    request.if_match = head.etag;
    request.size = head.size;
    auto getting = client.get(std::move(request), body);
    co_await std::move(getting);
    co_return body.finish();
}

Task<void> BucketFetch::run(std::vector<uint32_t> indices) {
    directory_.contents.clear();
    IndexedWork one = [&](size_t i) { return fetch(indices[i]); };
    co_await for_each_index(indices.size(), bucket_lanes, one);
}

Task<void> BucketFetch::fetch(uint32_t index) {
    const Entry& entry = tree_[index];
    std::string path(tree_.path(entry));
    FetchedContent content;
    try {
        auto bringing = bring(entry, path);
        content = co_await std::move(bringing);
    } catch (const s3::S3Error& error) {
        if (!error.concerns_one_key()) throw;
        bool is_gone = error.failure() == s3::Failure::precondition || error.failure() == s3::Failure::no_key;
        content.error = is_gone ? std::string(changed_meanwhile) : error_of(error);
    }
    if (!content.error.empty()) directory_.remove_file(path);
    directory_.contents[path] = std::move(content);
    ++progress_.files_done;
}

Task<FetchedContent> BucketFetch::bring(const Entry& entry, std::string_view path) {
    std::string key = means_.keys.file_key(path);
    FetchedContent content;
    fs::Fd file = directory_.create_file(path);
    if (!file && !concerns_one_file(errno)) throw errno_error("create the file", path, errno);
    if (!file) {
        content.error = "cannot create it here: " + errno_text(errno);
        co_return content;
    }
    ContentSums sums;
    auto receiving = receive(entry, key, file.get(), sums);
    s3::ObjectHead head = co_await std::move(receiving);
    if (object_stamp(head.size, head.etag, head.last_modified) != entry.stamp) {
        content.error = changed_meanwhile;
        co_return content;
    }
    if (sums.size != entry.stamp.size) content.error = "did not come whole";
    auto judging = why_wrong(key, head, sums.md5, sums.sha256);
    if (content.error.empty()) content.error = co_await std::move(judging);
    ObjectFacts facts = read_metadata(head.metadata);
    content.digest = sums.sha256;
    content.source = entry.stamp;
    content.mode = facts.mode;
    content.mtime = facts.mtime ? facts.mtime : head.last_modified;
    co_return content;
}

Task<s3::ObjectHead> BucketFetch::receive(const Entry& entry, const std::string& key, int file, ContentSums& sums) {
    if (entry.stamp.size > bucket_range_bytes) {
        auto executor = co_await asio::this_coro::executor;
        LargeObject object(executor, means_, key, entry.stamp.size, file, progress_);
        auto receiving = object.receive(etag_of(entry.stamp));
        s3::ObjectHead head = co_await std::move(receiving);
        sums = object.sums();
        co_return head;
    }
    bool is_small = entry.stamp.size <= small_bytes;  // sooner done than a thread wakes up
    FileBody body(file, 0, is_small ? nullptr : &means_.workers, progress_);
    s3::GetRequest request(key);
    request.if_match = etag_of(entry.stamp);
    request.size = entry.stamp.size;
    auto getting = means_.s3.get(std::move(request), body);
    s3::ObjectHead head = co_await std::move(getting);
    auto work = [&](std::stop_token stop) { sums = sum_file(file, true, std::move(stop)); };
    if (is_small) {
        work({});
    } else {
        co_await offload(means_.workers, work);
    }
    co_return head;
}

/// "" or why it is not what the bucket holds. An ETag that looks like an MD5 and is none (of encrypted objects) leaves
/// only to fetch it again: twice the same damage does not happen.
Task<std::string> BucketFetch::why_wrong(const std::string& key, const s3::ObjectHead& head, const std::string& md5,
                                         const Digest& sha256) {
    std::string expected = md5_of(object_stamp(head.size, head.etag));
    if (!expected.empty() && expected == md5) co_return "";
    std::optional<Digest> told = read_metadata(head.metadata).sha256;
    if (told && *told == sha256) co_return "";
    bool is_unknown = expected.empty() && !told;
    if (is_unknown) co_return "";
    auto hashing = hash_object(means_.s3, key, head, nullptr);
    Digest again = co_await std::move(hashing);
    co_return again == sha256 ? "" : "was damaged on its way; it will be tried again at the next run";
}

}  // namespace syncline
