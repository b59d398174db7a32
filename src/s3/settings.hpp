// S3Settings: how one bucket is reached. Values only; made once from the job file's [buckets.NAME].
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/units.hpp"

namespace syncline::s3 {

enum class Provider : uint8_t { s3, b2, gcs, r2, minio, generic };

/// nullopt-free: "generic" for a name that is none of s3, b2, gcs, r2, minio, generic.
Provider provider_of(const std::string& name);

/// How a request names the bucket: in the host (BUCKET.HOST/KEY) or in the path (HOST/BUCKET/KEY).
enum class Addressing : uint8_t { automatic, path, virtual_host };

/// The value of an environment variable; "" when it is not set.
using Environment = std::function<std::string(const std::string& name)>;

/// Where the access key comes from. Checked in this order; the first that is given is the only one asked.
struct CredentialSettings {
    std::string key_variable, secret_variable;  ///< `credentials = { env = [KEY, SECRET] }`
    std::string profile;                        ///< `credentials = { profile = NAME }`
    /// With none of these the AWS chain: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); AWS_PROFILE
    /// or `default` in the shared files, with credential_process; and where this is set, the instance metadata service.
    bool instance_metadata = false;
};

/// How patient a client is. Tests shorten it.
struct Patience {
    unsigned attempts = 10;  ///< of one request, the first included; at least 8 in earnest
    unsigned stalled_attempts =
        3;                     ///< those of them that may end by one of the times below; what trickles counts twice
    Duration base_delay{200};  ///< the longest wait before the second attempt; doubles with each
    Duration longest_delay{20'000};  ///< the longest wait before any
    Duration connect{20'000};        ///< for name, TCP and TLS together
    Duration answer{90'000};         ///< from the last byte sent to the answer's first, and from there to its last byte
                                     ///< where it is no object's content
    Duration long_answer{900'000};   ///< the same where a server must copy: CompleteMultipartUpload
    Duration window{20'000};         ///< within which a transfer must have moved `least_rate` on average
    uint64_t least_rate = 1024;      ///< bytes a second
};

struct S3Settings {
    std::string name;  ///< of the table in the job file, for messages
    Provider provider = Provider::generic;
    std::string bucket;
    std::string region;    ///< "": what the provider makes of it, see resolve()
    std::string endpoint;  ///< "https://host[:port]"; "": derived from provider and region
    Addressing addressing = Addressing::automatic;
    CredentialSettings credentials;
    Environment environment;    ///< empty: the process's own
    std::string ca_file;        ///< PEM; "": AWS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE, else the system's
    unsigned concurrency = 32;  ///< requests under way at once, at most; SlowDown lowers it for a while
    Patience patience;
};

/// `settings` with region, endpoint, addressing, environment and ca_file filled in. Throws Error{usage} that names the
/// missing key of [buckets.NAME] where they cannot be derived (r2, minio and generic need an endpoint, b2 a region).
S3Settings resolve(S3Settings settings);

/// Whether the server is known to hold a body against the SHA-256 that its signature covers, so that large ones need no
/// second digest beside it.
bool checks_signed_digests(const S3Settings& settings);

/// The URL of the bucket itself, with no slash at its end: "https://my-bucket.s3.eu-west-1.amazonaws.com" or
/// "http://127.0.0.1:9000/my-bucket". Of resolved settings.
std::string bucket_url(const S3Settings& settings);

}  // namespace syncline::s3
