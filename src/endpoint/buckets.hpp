// Buckets: all buckets of the job file, each with the one client that the endpoints of all jobs share.
//
// Engine's thread only; outlives every endpoint, and dies before the io_context.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "endpoint/bucket_means.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

/// By the name of the table.
using BucketTables = std::map<std::string, s3::S3Settings>;

class Buckets {
  public:
    explicit Buckets(const asio::any_io_executor& executor) : executor_(executor) {}

    /// What all transfers share; outlives the clients.
    void set_limiter(fs::RateLimiter& limiter) { limiter_ = &limiter; }

    /// From now on; who has a client keeps it.
    void set_tables(BucketTables tables);
    const BucketTables& tables() const { return tables_; }

    /// The table `name`, or PROVIDER:BUCKET: what else such a bucket needs is that of a table of the same provider,
    /// where there is one. Throws Error{usage}.
    std::shared_ptr<BucketClient> client(const std::string& name);

  private:
    s3::S3Settings settings_of(const std::string& name) const;

    asio::any_io_executor executor_;
    fs::RateLimiter* limiter_ = nullptr;
    BucketTables tables_;
    std::map<std::string, std::shared_ptr<BucketClient>> clients_;
};

}  // namespace syncline
