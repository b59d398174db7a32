#include "endpoint/bucket_digest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "endpoint/bucket_fetch.hpp"
#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/bucket_sums.hpp"

namespace syncline {
namespace {

constexpr size_t files_of_a_worker = 256;
constexpr size_t workers_at_once = 2;

bool is_known(const DigestItem& item) { return item.stamp.known() || !item.error.empty(); }

}  // namespace

Task<void> BucketDigest::run(std::vector<DigestItem>& items) {
    co_await compare_with_local(items);
    std::vector<DigestItem*> unknown;
    for (DigestItem& item : items) {
        if (!is_known(item)) unknown.push_back(&item);
    }
    IndexedWork one = [&](size_t i) { return ask(*unknown[i]); };
    co_await for_each_index(unknown.size(), bucket_lanes, one);
}

Task<void> BucketDigest::compare_with_local(std::vector<DigestItem>& items) {
    size_t batches = (items.size() + files_of_a_worker - 1) / files_of_a_worker;
    IndexedWork one = [&](size_t i) { return compare_batch(items, i); };
    co_await for_each_index(batches, workers_at_once, one);
}

Task<void> BucketDigest::compare_batch(std::span<DigestItem> items, size_t index) {
    std::span<DigestItem> batch = items.subspan(index * files_of_a_worker);
    batch = batch.first(std::min(batch.size(), files_of_a_worker));
    auto work = [&](std::stop_token stop) { compare(batch, stop); };
    co_await offload(means_.workers, work);
}

void BucketDigest::compare(std::span<DigestItem> items, const std::stop_token& stop) const {
    fs::Fd root(::open(local_root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return;
    fs::DirectoryCache directories(root.get());
    for (DigestItem& item : items) {
        const Entry& entry = tree_[item.index];
        std::string md5 = md5_of(entry.stamp), path(tree_.path(entry));
        if (md5.empty()) continue;
        int directory = directories.open(parent_path(path));
        int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
        std::string name(last_name(path));
        fs::Fd file(directory < 0 ? -1 : ::openat(directory, name.c_str(), flags));
        Entry local;
        bool may_be_same = file && fs::read_entry(file.get(), "", local) && local.kind == Kind::file &&
                           local.stamp.size == entry.stamp.size;
        if (!may_be_same) continue;
        ContentSums sums = sum_file(file.get(), true, stop);
        progress_.bytes_hashed += sums.size;
        if (sums.size != entry.stamp.size || sums.md5 != md5) continue;
        item.digest = sums.sha256;
        item.stamp = entry.stamp;
    }
}

Task<void> BucketDigest::ask(DigestItem& item) {
    try {
        auto looking = look(item, means_.keys.file_key(tree_.path(item.index)));
        co_await std::move(looking);
    } catch (const s3::S3Error& error) {
        if (!error.concerns_one_key()) throw;
        item.error = error_of(error);
    }
}

Task<void> BucketDigest::look(DigestItem& item, std::string key) {
    auto asking = means_.s3.head(key);
    std::optional<s3::ObjectHead> head = co_await std::move(asking);
    if (!head) {
        item.error = "was removed from the bucket since it was listed";
        co_return;
    }
    item.stamp = object_stamp(head->size, head->etag, head->last_modified);
    std::optional<Digest> told = read_metadata(head->metadata).sha256;
    if (told) {
        item.digest = *told;
        co_return;
    }
    auto hashing = hash_object(means_.s3, std::move(key), *head, &progress_);
    item.digest = co_await std::move(hashing);
}

}  // namespace syncline
