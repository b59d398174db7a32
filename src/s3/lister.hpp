// Lister: one listing by ListObjectsV2, page by page, so that memory is bounded by what the caller keeps.
//
// Made by S3Client::list(), which outlives it. One coroutine at a time.
#pragma once

#include <optional>
#include <string>

#include "async/task.hpp"
#include "s3/object.hpp"

namespace syncline::s3 {

class ClientImpl;

class Lister {
  public:
    Lister(ClientImpl& client, std::string prefix, std::string delimiter);

    /// The next page; nullopt after the last. What makes the listing unfit to decide deletes by is an S3Error
    /// (listing): a repeated token, keys out of order or twice or outside the prefix, a page that ends early.
    Task<std::optional<ListPage>> next();

    /// Requests that were answered so far.
    unsigned pages() const { return pages_; }

  private:
    [[noreturn]] void fail(const std::string& why) const;

    ClientImpl& client_;
    std::string prefix_, delimiter_, token_, last_key_, last_prefix_;
    unsigned pages_ = 0, empty_pages_ = 0;
    bool has_key_ = false, has_prefix_ = false;  ///< the last ones mean something
    bool ended_ = false;
};

}  // namespace syncline::s3
