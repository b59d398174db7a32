// One RADOS Gateway for the whole test program (e2e/bucket_server.py), and buckets of each test's own in it.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "s3/client.hpp"

namespace syncline::s3 {

struct StoreUser {
    std::string access_key, secret_key;
};

struct Store {
    std::string endpoint, tls_endpoint, certificate;
    std::array<StoreUser, 2> users;

    /// Settings for a bucket by this name, which need not be there.
    S3Settings settings(const std::string& bucket, size_t user = 0) const;
};

/// Started at the first call; ends with the program.
const Store& store();

/// A name that no other test has.
std::string new_bucket_name();

/// Waits that suit a server on this machine.
Patience short_patience();

using Work = std::function<Task<void>(S3Client&)>;
/// Runs `work` with a client for these settings and rethrows what it throws.
void with_client(const S3Settings& settings, const Work& work);
/// The same with a bucket that was just made.
void with_bucket(const Work& work);

/// What `work` failed with; fails the test when it did not fail.
S3Error failure_of(const S3Settings& settings, const Work& work);

}  // namespace syncline::s3
