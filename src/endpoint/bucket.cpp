#include "endpoint/bucket.hpp"

#include <algorithm>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/archive.hpp"
#include "endpoint/bucket_commit.hpp"
#include "endpoint/bucket_digest.hpp"
#include "endpoint/bucket_fetch.hpp"
#include "endpoint/bucket_sums.hpp"

namespace syncline {
namespace {

/// What broke off that long ago is hardly gone on with.
constexpr TimeNs stale_after = 86'400 * ns_per_second;

}  // namespace

BucketEndpoint::BucketEndpoint(Buckets& buckets, const Destination& destination, const EndpointOptions& options,
                               WorkerPool& workers)
    : name_(destination.name),
      options_(options),
      workers_(workers),
      client_(buckets.client(destination.name)),
      keys_(destination.path),
      objects_(keys_),
      budget_(options.max_entries) {}

std::string BucketEndpoint::shown() const { return escape(name_ + ":" + keys_.prefix()); }

std::string BucketEndpoint::identity_text() const {
    return "bucket:" + name_ + ":" + client_->s3.settings().bucket + ":" + keys_.prefix();
}

/// False when there are no more.
Task<bool> BucketEndpoint::read_page() {
    if (is_listed_) co_return false;
    if (!lister_) lister_.emplace(client_->s3.list(keys_.beginning()));
    std::optional<s3::ListPage> page;
    try {
        auto reading = lister_->next();
        page = co_await std::move(reading);
    } catch (const s3::S3Error& error) {
        if (error.failure() != s3::Failure::listing) throw;
        broken_off_ = error.what();
    }
    is_listed_ = !page;
    if (!page) co_return false;
    for (const s3::ListedObject& object : page->objects) {
        budget_.take(object.key.size());
        std::optional<BucketKeys::Place> place = keys_.place_of(object.key);
        if (place && !place->is_directory && is_reserved_for_archives(place->path)) {
            has_archive_ = has_archive_ || place->path == manifest_name;
            continue;
        }
        objects_.add(object.key, object_stamp(object.size, object.etag, object.last_modified));
    }
    has_objects_ = !objects_.is_empty();
    co_return true;
}

Task<std::unique_ptr<Endpoint>> BucketEndpoint::instead() {
    bool is_push = options_.direction == Direction::push;
    bool wants_archive = options_.transfer == Transfer::tar;
    if (wants_archive) {
        auto finding = find_archive();
        std::unique_ptr<Endpoint> archive = co_await std::move(finding);
        if (archive) co_return archive;
    }
    bool has_to_look = wants_archive || !is_push;
    if (!has_to_look) co_return nullptr;
    auto looking = inspect();
    std::optional<RootIdentity> files = co_await std::move(looking);
    bool is_unclear = !broken_off_.empty() && (wants_archive || has_archive_);
    if (is_unclear) throw Error(Errc::failed, broken_off_);
    if (wants_archive && is_push) {
        if (files) refuse_mixing("is to be an archive, but holds objects of other kinds");
        ArchiveEndpoint::Place place{client_, keys_, shown(), identity_text()};
        co_return std::make_unique<ArchiveEndpoint>(std::move(place), options_, workers_, std::nullopt);
    }
    if (!has_archive_) co_return nullptr;
    if (files) refuse_mixing("holds both an archive and other objects");
    auto finding = find_archive();
    co_return co_await std::move(finding);
}

Task<std::unique_ptr<Endpoint>> BucketEndpoint::find_archive() {
    ArchiveStore store(means(), nullptr, shown());
    auto finding = store.find(options_.max_entries);
    std::optional<FoundManifest> found = co_await std::move(finding);
    if (!found) co_return nullptr;
    ArchiveEndpoint::Place place{client_, keys_, shown(), identity_text()};
    co_return std::make_unique<ArchiveEndpoint>(std::move(place), options_, workers_, std::move(found));
}

void BucketEndpoint::refuse_mixing(const std::string& why) const {
    throw Error(Errc::failed,
                shown() + " " + why + "; choose another prefix for one of them, or remove what is not " + "wanted");
}

Task<std::optional<RootIdentity>> BucketEndpoint::inspect() {
    bool has_more = !has_objects_;
    while (has_more && !has_objects_) {
        auto reading = read_page();
        has_more = co_await std::move(reading);
    }
    // A listing that broke off proves nothing; list() tells of it.
    if (!has_objects_ && broken_off_.empty()) co_return std::nullopt;
    RootIdentity identity;
    identity.file_system = "bucket";
    identity.inode = 1;
    co_return identity;
}

Task<Listing> BucketEndpoint::list(ListRequest request, Progress& progress) {
    bool has_more = true;
    while (has_more) {
        auto reading = read_page();
        has_more = co_await std::move(reading);
    }
    if (has_archive_) {
        refuse_mixing("holds an archive, which is pushed to with transfer = \"tar\" (--tar) alone");
    }
    auto settle = [&](std::stop_token) { objects_.settle(request); };
    co_await offload(workers_, settle);
    IndexedWork one = [this](size_t i) { return ask_about(objects_.unclear()[i]); };
    co_await for_each_index(objects_.unclear().size(), bucket_lanes, one);
    auto finish = [&](std::stop_token) { return objects_.finish(request, &progress.entries_scanned); };
    Listing listing = co_await offload(workers_, finish);
    for (const std::string& directory : objects_.implied_directories()) implied_.insert(directory);
    objects_ = ObjectTree(keys_);
    if (!broken_off_.empty()) {
        listing.incomplete.insert(listing.incomplete.begin(), "");
        listing.problems.insert(listing.problems.begin(), {"", broken_off_});
    }
    co_return listing;
}

Task<void> BucketEndpoint::ask_about(size_t index) {
    bool is_directory = objects_.is_directory(index);
    std::string_view path = objects_.path(index);
    auto asking = client_->s3.head(is_directory ? keys_.directory_key(path) : keys_.file_key(path));
    std::optional<s3::ObjectHead> head = co_await std::move(asking);
    if (!head) co_return;
    ObjectFacts facts = read_metadata(head->metadata);
    if (is_directory) {
        if (facts.mode) objects_.set_mode(index, *facts.mode);
        co_return;
    }
    std::optional<std::string>& link = facts.link;
    std::string body = link ? link_body(sha256_of(*link)) : "";
    // A link's content follows from its target, so metadata that was copied onto a file makes no link of it.
    std::string md5 = md5_of(objects_.stamp(index));
    bool is_link = link && (md5.empty() || md5 == md5_text(body));
    if (is_link) objects_.set_link(index, std::move(*link));
}

Task<void> BucketEndpoint::digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) {
    BucketDigest digests(means(), tree, options_.local_root, progress);
    co_await digests.run(items);
}

Task<ContentSource> BucketEndpoint::fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) {
    if (indices.empty()) co_return ContentSource{};
    fetched_.prepare(options_.local_root);
    BucketFetch fetch(means(), tree, fetched_, progress);
    co_await fetch.run(std::move(indices));
    co_return ContentSource{fetched_.fd(), false, &fetched_.contents};
}

Task<void> BucketEndpoint::commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) {
    BucketCommit batch(means(), content, options_.uploads, progress);
    co_await batch.run(items);
    for (const CommitItem& item : items) {
        if (!item.error.empty()) continue;
        committed_.emplace(item.path);
        has_objects_ = true;
    }
}

Task<void> BucketEndpoint::remove(std::vector<RemoveItem>& items, Progress& progress) {
    IndexedWork one = [&](size_t i) { return check(items[i]); };
    co_await for_each_index(items.size(), bucket_lanes, one);
    co_await delete_checked(items, progress);
    co_await mark_directories(items);
}

Task<void> BucketEndpoint::check(RemoveItem& item) {
    if (item.op == Op::rmdir) co_return;

    try {
        auto looking = client_->s3.head(keys_.file_key(item.path));
        std::optional<s3::ObjectHead> now = co_await std::move(looking);
        bool is_other = now && !is_as_listed(*item.expected, *now);
        if (is_other) item.error = "changed in the bucket since it was listed; not deleted";
    } catch (const s3::S3Error& error) {
        if (!error.concerns_one_key()) throw;
        item.error = error_of(error);
    }
}

Task<void> BucketEndpoint::delete_checked(std::vector<RemoveItem>& items, Progress& progress) {
    std::vector<std::string> keys;
    std::map<std::string, RemoveItem*> by_key;
    for (RemoveItem& item : items) {
        if (!item.error.empty()) continue;
        std::string key = item.op == Op::rmdir ? keys_.directory_key(item.path) : keys_.file_key(item.path);
        bool is_only_implied = item.op == Op::rmdir && implied_.contains(std::string(item.path));
        ++progress.files_done;
        if (is_only_implied) continue;
        by_key.emplace(key, &item);
        keys.push_back(std::move(key));
    }
    auto deleting = client_->s3.delete_many(std::move(keys));
    std::vector<s3::DeleteFailure> failures = co_await std::move(deleting);
    for (s3::DeleteFailure& failure : failures) {
        auto found = by_key.find(failure.key);
        if (found != by_key.end()) found->second->error = std::move(failure.why);
    }
}

Task<void> BucketEndpoint::mark_directory(std::string directory) {
    s3::PutRequest marker(keys_.directory_key(directory), s3::Payload(std::string_view()));
    auto putting = client_->s3.put(std::move(marker));
    co_await std::move(putting);
    implied_.erase(directory);
}

/// A directory that stays in the source must not vanish with the last that was in it.
Task<void> BucketEndpoint::mark_directories(const std::vector<RemoveItem>& items) {
    std::unordered_set<std::string> gone, left;
    for (const RemoveItem& item : items) {
        if (item.op == Op::rmdir) gone.emplace(item.path);
    }
    for (const RemoveItem& item : items) {
        std::string parent(parent_path(item.path));
        if (implied_.contains(parent) && !gone.contains(parent)) left.insert(parent);
    }
    std::vector<std::string> directories(left.begin(), left.end());
    IndexedWork one = [&](size_t i) { return mark_directory(directories[i]); };
    co_await for_each_index(directories.size(), bucket_lanes, one);
}

Task<void> BucketEndpoint::flush() {
    if (options_.uploads == nullptr) co_return;
    for (const UploadRecord& upload : options_.uploads->uploads()) {
        bool is_stale = committed_.contains(upload.path) || upload.begun_at < wall_clock_now() - stale_after;
        if (!is_stale) continue;
        auto aborting = client_->s3.abort_upload(keys_.file_key(upload.path), upload.id);
        co_await std::move(aborting);
        options_.uploads->forget(upload.id);
    }
}

}  // namespace syncline
