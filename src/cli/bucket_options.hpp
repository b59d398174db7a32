// Bucket options: what the job file says of its buckets, as the endpoints take it.
#pragma once

#include "config/job.hpp"
#include "endpoint/buckets.hpp"

namespace syncline::cli {

BucketTables bucket_tables(const JobFile& file);

}  // namespace syncline::cli
