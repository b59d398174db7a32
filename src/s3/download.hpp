// Download: the body of one object on its way into a sink, taken up again where it broke off, and only while it still
// is the same object. Lives as long as S3Client::get().
#pragma once

#include <optional>

#include "s3/client_impl.hpp"

namespace syncline::s3 {

class Download final : public ResumableBody {
  public:
    Download(const S3Settings& settings, const GetRequest& request, BodySink& sink)
        : settings_(settings), request_(request), sink_(sink), etag_(request.if_match) {}

    /// Range and If-Match of the next attempt.
    std::vector<std::string> headers() const override;
    uint64_t delivered() const override { return delivered_; }

    /// Throws S3Error (protocol) when another range comes than was asked for.
    void on_head(const HttpResponse& response) override;
    Task<void> take(std::string_view bytes) override;

    /// Throws TransportError (lost) when less came than there is.
    void check_end() const;

    const ObjectHead& head() const { return head_; }

  private:
    [[noreturn]] void refuse_more() const;

    const S3Settings& settings_;
    const GetRequest& request_;
    BodySink& sink_;
    std::string etag_;
    ObjectHead head_;
    uint64_t delivered_ = 0;
    std::optional<uint64_t> expected_;  ///< bytes in all
    uint64_t most_ = UINT64_MAX;        ///< of them, where no more is known
};

}  // namespace syncline::s3
