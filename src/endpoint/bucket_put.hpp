// ObjectPutter: puts one object over what a plan saw at its key, and over nothing else.
//
// The condition goes with the put (If-Match, If-None-Match) where the store obeys it; a store that refuses conditions
// is looked at right before. A put whose answer was lost and that is then refused for its own sake is recognised.
#pragma once

#include <optional>
#include <string>

#include "endpoint/bucket_means.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/endpoint.hpp"

namespace syncline {

/// What a put may replace.
struct Condition {
    bool nothing_there = false;
    std::string etag;  ///< only this object
};

class ObjectPutter {
  public:
    explicit ObjectPutter(BucketMeans means) : means_(means) {}

    /// Puts `payload` at the path of `item` and fills in its target stamp, or its error. Throws what concerns the whole
    /// run.
    Task<void> put(CommitItem& item, std::string key, s3::Payload payload, ObjectFacts facts);

    /// What the key holds must be to be replaced; nullopt, and the item's error is set, when it is something else.
    Task<std::optional<Condition>> condition_for(CommitItem& item, std::string key);

    /// The same by looking, whatever the store obeys.
    Task<std::optional<Condition>> look(CommitItem& item, std::string key);

    /// Whether `key` still holds what `expected` says. What is gone is not.
    Task<bool> still_holds(std::string key, const Entry& expected);

  private:
    Task<void> send(CommitItem& item, s3::PutRequest request);
    Task<bool> may_try_again(CommitItem& item, const s3::PutRequest& request, const s3::S3Error& refusal);

    BucketMeans means_;
};

/// Whether an object with this ETag is what the listing saw.
bool is_as_listed(const Entry& expected, const s3::ObjectHead& now);

}  // namespace syncline
