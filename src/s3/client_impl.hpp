// ClientImpl: what every operation of S3Client goes through: a place under the concurrency limit, credentials, the
// signature, one attempt, its judgement, the wait before the next.
//
// Owned by S3Client; engine's thread only.
#pragma once

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "s3/answer.hpp"
#include "s3/client.hpp"
#include "s3/credentials.hpp"
#include "s3/throttle.hpp"
#include "s3/transport.hpp"
#include "s3/uri.hpp"

namespace syncline::s3 {

/// An answer that may be other than its status says: a code for an <Error> in a 200, nothing when all is well. Throws
/// TransportError for one that is cut off.
using AnswerCheck = std::function<std::optional<Answer>(const HttpResponse&)>;

/// The moving parts of a download: what its next attempt asks for, and whether it gets on.
class ResumableBody : public BodySink, public HeadObserver {
  public:
    virtual std::vector<std::string> headers() const = 0;
    virtual uint64_t delivered() const = 0;
};

/// One request as it is meant; send() makes as many attempts of it as it takes. What it refers to outlives it.
struct Call {
    Call() = default;
    Call(std::string http_method, std::string what, std::string object_key)
        : method(std::move(http_method)), operation{std::move(what), std::move(object_key)} {}

    std::string method = "GET";
    Operation operation;            ///< its key is the request's
    bool is_about_service = false;  ///< not about the bucket: the list of all buckets
    Query query;
    std::vector<std::string> headers;
    std::optional<Payload> payload;
    ResumableBody* body = nullptr;
    AnswerCheck check;
    bool is_slow = false;   ///< the server may work on it for minutes
    unsigned attempts = 0;  ///< at most; 0: as many as the settings say
};

class ClientImpl {
  public:
    ClientImpl(const asio::any_io_executor& executor, S3Settings settings, Pacer pacer);

    /// The answer of the first attempt that succeeded, 2xx; throws S3Error.
    Task<HttpResponse> send(Call call);

    const S3Settings& settings() const { return settings_; }
    std::optional<Duration> clock_offset() const { return clock_offset_; }
    ClientCounts counts() const;

  private:
    struct Outcome;
    Task<Outcome> attempt(const Call& call);
    HttpRequest make_request(const Call& call, const Credentials& credentials) const;
    void note_clock(const HttpResponse& response);
    Duration delay(unsigned attempt, const std::string& retry_after);
    Task<void> pause(Duration time) const;

    asio::any_io_executor executor_;
    S3Settings settings_;
    Pacer pacer_;
    Transport transport_;
    CredentialSource credentials_;
    Throttle throttle_;
    std::mt19937_64 random_;
    std::optional<Duration> clock_offset_;
    ClientCounts counts_;
};

}  // namespace syncline::s3
