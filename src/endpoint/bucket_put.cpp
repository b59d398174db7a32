#include "endpoint/bucket_put.hpp"

#include "endpoint/bucket_listing.hpp"
#include "endpoint/local_item.hpp"

namespace syncline {
namespace {

std::string etag_of_payload(const s3::Payload& payload) {
    std::string etag;
    for (char c : payload.md5) {
        auto byte = static_cast<unsigned char>(c);
        etag += "0123456789abcdef"[byte >> 4];
        etag += "0123456789abcdef"[byte & 15];
    }
    return etag;
}

}  // namespace

bool is_as_listed(const Entry& expected, const s3::ObjectHead& now) {
    Stamp stamp = object_stamp(now.size, now.etag, now.last_modified);
    // A symlink's size is that of its target.
    if (expected.kind == Kind::symlink) stamp.size = expected.stamp.size;
    return stamp == expected.stamp;
}

Task<bool> ObjectPutter::still_holds(std::string key, const Entry& expected) {
    auto looking = means_.s3.head(std::move(key));
    std::optional<s3::ObjectHead> now = co_await std::move(looking);
    co_return now&& is_as_listed(expected, *now);
}

Task<std::optional<Condition>> ObjectPutter::condition_for(CommitItem& item, std::string key) {
    Condition condition;
    bool is_free = item.expected == nullptr || item.expected->kind == Kind::directory;
    condition.nothing_there = is_free;
    if (!is_free) condition.etag = etag_of(item.expected->stamp);
    bool must_look = means_.client.has_no_conditions || (!is_free && condition.etag.empty());
    if (!must_look) co_return condition;
    auto looking = look(item, std::move(key));
    co_return co_await std::move(looking);
}

Task<std::optional<Condition>> ObjectPutter::look(CommitItem& item, std::string key) {
    Condition condition;
    bool is_free = item.expected == nullptr || item.expected->kind == Kind::directory;
    condition.nothing_there = is_free;
    auto looking = means_.s3.head(std::move(key));
    std::optional<s3::ObjectHead> now = co_await std::move(looking);
    bool is_expected = is_free ? !now : now && is_as_listed(*item.expected, *now);
    if (!is_expected) {
        fail_changed(item);
        co_return std::nullopt;
    }
    if (now) condition.etag = now->etag;
    co_return condition;
}

Task<void> ObjectPutter::put(CommitItem& item, std::string key, s3::Payload payload, ObjectFacts facts) {
    std::optional<ObjectMetadata> metadata = write_metadata(facts);
    item.error = BucketKeys::why_no_key(key);
    if (item.error.empty() && !metadata) item.error = "the symlink's target is too long for an object's metadata";
    if (!item.error.empty()) co_return;
    s3::PutRequest request(std::move(key), payload);
    request.metadata = std::move(*metadata);
    try {
        co_await send(item, std::move(request));
    } catch (const s3::S3Error& error) {
        if (!error.concerns_one_key()) throw;
        item.error = error_of(error);
    }
}

Task<void> ObjectPutter::send(CommitItem& item, s3::PutRequest request) {
    bool is_marker = request.key.ends_with('/');
    for (;;) {
        bool is_conditional = false;
        if (!is_marker) {
            auto asking = condition_for(item, request.key);
            std::optional<Condition> condition = co_await std::move(asking);
            if (!condition) co_return;
            is_conditional = !means_.client.has_no_conditions;
            request.if_none_match = is_conditional && condition->nothing_there;
            request.if_match = is_conditional ? condition->etag : "";
        }
        std::optional<s3::S3Error> refusal;
        try {
            auto putting = means_.s3.put(request);
            std::string etag = co_await std::move(putting);
            item.target_stamp = object_stamp(request.payload.bytes.size(), etag);
            co_return;
        } catch (const s3::S3Error& error) {
            refusal = error;
        }
        bool may_try_without = is_conditional && refusal->failure() == s3::Failure::unsupported;
        if (may_try_without) {
            means_.client.has_no_conditions = true;
            continue;
        }
        if (refusal->failure() != s3::Failure::precondition) throw s3::S3Error(*refusal);
        auto looking = is_there_already(request);
        bool is_ours = co_await std::move(looking);
        if (!is_ours) fail_changed(item);
        if (is_ours) item.target_stamp = object_stamp(request.payload.bytes.size(), etag_of_payload(request.payload));
        co_return;
    }
}

/// An earlier attempt came through whose answer did not.
Task<bool> ObjectPutter::is_there_already(const s3::PutRequest& request) {
    auto looking = means_.s3.head(request.key);
    std::optional<s3::ObjectHead> now = co_await std::move(looking);
    co_return now && now->size == request.payload.bytes.size() &&
        read_metadata(now->metadata).sha256 == request.payload.sha256&& object_stamp(now->size, now->etag) ==
            object_stamp(now->size, etag_of_payload(request.payload));
}

}  // namespace syncline
