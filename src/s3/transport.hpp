// Transport: HTTP requests over libcurl's multi interface, which Asio's descriptors and timers drive: nothing blocks,
// and no request has a thread. Connections are kept and reused, HTTP/2 is spoken where the server offers it over TLS.
//
// Engine's thread only. It outlives the tasks it gave out. It knows nothing of S3 but how libcurl signs.
#pragma once

#include <asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "s3/body.hpp"
#include "s3/error.hpp"
#include "s3/settings.hpp"

namespace syncline::s3 {

/// Who signs a request, and for what region. An empty key: the request is not signed.
struct Signer {
    std::string access_key, secret_key, region;
};

/// One request. Views and pointers outlive it.
struct HttpRequest {
    std::string method = "GET";
    std::string url;                   ///< encoded as it is signed: query sorted, every name with a "="
    std::vector<std::string> headers;  ///< "name: value"; all are signed, so none of them is a prefix of another's name
    std::optional<std::string_view> body;
    BodySink* sink = nullptr;  ///< takes the body of a 2xx answer; null: it is in the response
    Signer signer;
    Duration answer_limit{90'000};
    const Pacer* pacer = nullptr;
};

struct HttpResponse {
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string body;

    /// The first value of this name; "" when there is none.
    std::string_view header(std::string_view name) const;
};

/// There is no whole answer. `failure` is connect, tls, lost, timed_out, limit or protocol.
class TransportError : public std::runtime_error {
  public:
    TransportError(Failure failure, const std::string& why) : std::runtime_error(why), failure_(failure) {}
    Failure failure() const { return failure_; }

  private:
    Failure failure_;
};

/// Is told of the head of an answer before its body goes into the sink; may throw to refuse it.
class HeadObserver {
  public:
    virtual ~HeadObserver() = default;
    virtual void on_head(const HttpResponse& response) = 0;
};

class TransportCore;

class Transport {
  public:
    /// `ca_file`: PEM; "": the system's.
    Transport(const asio::any_io_executor& executor, std::string ca_file, Patience patience);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Sends `request` and returns its answer, whatever its status; redirects are not followed. Throws TransportError.
    Task<HttpResponse> perform(const HttpRequest& request, HeadObserver* observer = nullptr);

    uint64_t connections() const;

  private:
    std::shared_ptr<TransportCore> core_;
};

}  // namespace syncline::s3
