#include "endpoint/archive_store.hpp"

#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_sums.hpp"

namespace syncline {
namespace {

constexpr uint64_t most_manifest_bytes = uint64_t{1} << 30, least_manifest_limit = uint64_t{16} << 20;
constexpr uint64_t manifest_bytes_of_an_entry = 256;  // packed

Entry object_entry(const Stamp& stamp) {
    Entry entry;
    entry.kind = Kind::file;
    entry.stamp = stamp;
    return entry;
}

}  // namespace

Task<std::optional<FoundManifest>> ArchiveStore::find(uint64_t max_entries) {
    std::string key = means_.keys.file_key(manifest_name);
    uint64_t limit = std::min(most_manifest_bytes, least_manifest_limit + max_entries * manifest_bytes_of_an_entry);
    s3::StringBody body(static_cast<size_t>(limit));
    s3::ObjectHead head;
    try {
        auto getting = means_.s3.get(s3::GetRequest(key), body);
        head = co_await std::move(getting);
    } catch (const s3::S3Error& error) {
        if (error.failure() != s3::Failure::no_key) throw;
        co_return std::nullopt;
    }
    FoundManifest found;
    std::string damage;
    auto read = [&](std::stop_token) {
        try {
            found.manifest = read_manifest(body.bytes(), max_entries);
        } catch (const ListingTooLarge&) {
            throw;
        } catch (const Error& error) {
            damage = error.what();
        }
    };
    co_await offload(means_.workers, read);
    if (!damage.empty()) {
        throw Error(Errc::failed, shown_ + ": the manifest of its archive, " + std::string(manifest_name) +
                                      ", cannot be read: " + damage +
                                      ". To begin anew, remove it from the bucket and push from a machine that has "
                                      "everything");
    }
    found.object = object_entry(object_stamp(head.size, head.etag, head.last_modified));
    co_return found;
}

Task<Entry> ArchiveStore::put(const ArchiveManifest& next, const FoundManifest* old) {
    std::string content;
    auto write = [&](std::stop_token) { content = write_manifest(next); };
    co_await offload(means_.workers, write);
    s3::Payload payload(content);
    CommitItem item;
    item.path = manifest_name;
    if (old != nullptr) item.expected = &old->object;
    ObjectFacts facts;
    facts.sha256 = payload.sha256;
    auto putting = putter_.put(item, means_.keys.file_key(manifest_name), payload, facts);
    co_await std::move(putting);
    if (item.error.empty()) co_return object_entry(item.target_stamp);
    auto removing = remove(next.archive);
    co_await std::move(removing);
    throw Error(Errc::lost, shown_ + ": its archive was not replaced: it " + item.error + "; run it again");
}

Task<void> ArchiveStore::clean_up(const std::string& current, const std::string& replaced) {
    if (!replaced.empty() && replaced != current) {
        auto removing = remove(replaced);
        co_await std::move(removing);
    }
    if (uploads_ == nullptr) co_return;
    for (const UploadRecord& upload : uploads_->uploads()) {
        if (!is_archive_name(upload.path)) continue;
        if (upload.path != current) {
            auto aborting = means_.s3.abort_upload(means_.keys.file_key(upload.path), upload.id);
            co_await std::move(aborting);
            auto removing = remove(upload.path);
            co_await std::move(removing);
        }
        uploads_->forget(upload.id);
    }
}

/// A key that may not delete leaves them there, which docs/buckets.md tells.
Task<void> ArchiveStore::remove(std::string name) {
    try {
        std::vector<std::string> keys{means_.keys.file_key(name)};
        auto removing = means_.s3.delete_many(std::move(keys));
        co_await std::move(removing);
    } catch (const s3::S3Error& error) {
        if (error.failure() != s3::Failure::denied) throw;
    }
}

}  // namespace syncline
