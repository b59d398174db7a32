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

bool is_same_object(const s3::ObjectHead& now, const s3::PutRequest& request) {
    uint64_t size = request.payload.bytes.size();
    return now.size == size && read_metadata(now.metadata) == read_metadata(request.metadata) &&
           object_stamp(now.size, now.etag) == object_stamp(size, etag_of_payload(request.payload));
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
    bool has_none = is_free ? means_.client.has_no_if_none_match : means_.client.has_no_if_match;
    condition.nothing_there = is_free;
    if (!is_free) condition.etag = etag_of(item.expected->stamp);
    bool must_look = has_none || (!is_free && condition.etag.empty());
    if (must_look) {
        auto looking = look(item, std::move(key));
        std::optional<Condition> seen = co_await std::move(looking);
        if (!seen || has_none) co_return seen ? std::optional(Condition{}) : std::nullopt;
        condition = *seen;
    }
    co_return condition;
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
    bool goes_on = true;
    while (goes_on) {
        if (!is_marker) {
            auto asking = condition_for(item, request.key);
            std::optional<Condition> condition = co_await std::move(asking);
            if (!condition) co_return;
            request.if_none_match = condition->nothing_there;
            request.if_match = condition->etag;
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
        auto judging = may_try_again(item, request, *refusal);
        goes_on = co_await std::move(judging);
    }
}

/// After a refusal: false when the item is settled. A store that refuses a condition which holds does not know it.
Task<bool> ObjectPutter::may_try_again(CommitItem& item, const s3::PutRequest& request, const s3::S3Error& refusal) {
    bool is_conditional = request.if_none_match || !request.if_match.empty();
    bool is_unknown = refusal.failure() == s3::Failure::unsupported;
    bool is_about_it = is_conditional && (is_unknown || refusal.failure() == s3::Failure::precondition);
    if (!is_about_it) throw s3::S3Error(refusal);
    auto looking = means_.s3.head(request.key);
    std::optional<s3::ObjectHead> now = co_await std::move(looking);
    if (now && is_same_object(*now, request)) {  // an earlier attempt came through whose answer did not
        item.target_stamp = object_stamp(now->size, now->etag);
        co_return false;
    }
    bool holds = request.if_none_match ? !now : now && is_as_listed(*item.expected, *now);
    if (!holds) {
        fail_changed(item);
        co_return false;
    }
    (request.if_none_match ? means_.client.has_no_if_none_match : means_.client.has_no_if_match) = true;
    co_return true;
}

}  // namespace syncline
