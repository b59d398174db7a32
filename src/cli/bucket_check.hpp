// Bucket check: whether a bucket can be used, step by step, each failure with what to do. For `buckets check` and
// doctor.
#pragma once

#include <string>
#include <vector>

#include "async/task.hpp"
#include "cli/doctor_checks.hpp"
#include "s3/client.hpp"

namespace syncline::cli {

/// Reaches it, lists, writes and removes an object of its own below `prefix`, and compares the clocks. The client
/// outlives the task.
Task<Findings> check_bucket(s3::S3Client& client, std::string prefix);

}  // namespace syncline::cli
