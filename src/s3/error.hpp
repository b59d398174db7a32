// S3Error: what a request to a bucket ended with. It names the bucket, the key, the status, S3's code, the request id
// and the remedy; never a credential.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"

namespace syncline::s3 {

enum class Failure : uint8_t {
    connect,       ///< no connection came about: name, address, port, network
    tls,           ///< the server's certificate is not to be trusted, or no common TLS
    lost,          ///< the connection ended in the middle of something
    timed_out,     ///< no answer in time, or a transfer that stalls
    trickles,      ///< an answer or a transfer that goes on, but too slowly to ever end
    throttled,     ///< 503 SlowDown and its kin, after every attempt
    server,        ///< 500 and its kin, after every attempt
    credentials,   ///< there are none, or the server does not know them, or the signature does not match
    denied,        ///< 403: known, but without the right
    clock,         ///< this machine's clock is too far from the server's
    redirected,    ///< the bucket is elsewhere: another region or endpoint
    no_bucket,     ///< 404 NoSuchBucket
    no_key,        ///< 404 for an object, or NoSuchUpload for a multipart upload
    precondition,  ///< 412, or 409 with a conditional request: the object is not what was expected
    unsupported,   ///< 501: this store cannot do what was asked
    digest,        ///< what arrived is not what was hashed, on either side
    listing,       ///< a listing that repeats a token, is out of order or ends early
    limit,         ///< larger than what was asked for or can be held
    protocol,      ///< an answer that means nothing
    refused,       ///< another 4xx
};

/// What the server said, as far as it said anything.
struct Answer {
    unsigned status = 0;     ///< HTTP status; 0: no answer
    std::string code;        ///< S3's code, "NoSuchKey"; "" when there was none
    std::string message;     ///< S3's words; may be ""
    std::string request_id;  ///< x-amz-request-id; "" when there was none
    std::string region;      ///< x-amz-bucket-region, or that of the error's body; mostly ""
};

class S3Error : public Error {
  public:
    /// `message` is the whole sentence; see describe() in answer.hpp for the one that an answer makes.
    S3Error(Failure failure, const std::string& message, Answer answer = {}, std::string bucket = {},
            std::string key = {})
        : Error(code_of(failure), message),
          failure_(failure),
          answer_(std::move(answer)),
          bucket_(std::move(bucket)),
          key_(std::move(key)) {}

    Failure failure() const { return failure_; }
    const Answer& answer() const { return answer_; }
    const std::string& bucket() const { return bucket_; }
    /// "" when the request was about the bucket. Raw bytes: escape() before it is shown.
    const std::string& key() const { return key_; }

    /// Whether it concerns this one object, so that the others of a run may go on.
    bool concerns_one_key() const {
        return !key_.empty() &&
               (failure_ == Failure::no_key || failure_ == Failure::precondition || failure_ == Failure::digest ||
                failure_ == Failure::denied || failure_ == Failure::limit || failure_ == Failure::refused);
    }

  private:
    static Errc code_of(Failure failure) {
        switch (failure) {
            case Failure::connect: return Errc::unreachable;
            case Failure::lost:
            case Failure::timed_out:
            case Failure::throttled:
            case Failure::server: return Errc::lost;
            default: return Errc::failed;
        }
    }

    Failure failure_;
    Answer answer_;
    std::string bucket_, key_;
};

}  // namespace syncline::s3
