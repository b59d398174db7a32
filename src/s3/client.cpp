#include "s3/client.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "s3/client_impl.hpp"
#include "s3/download.hpp"
#include "s3/headers.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

/// Somebody waits to hear what is wrong; a second attempt is for a connection that just broke.
constexpr unsigned attempts_of_check = 2;

}  // namespace

S3Client::S3Client(const asio::any_io_executor& executor, S3Settings settings, Pacer pacer)
    : impl_(std::make_unique<ClientImpl>(executor, std::move(settings), std::move(pacer))) {}
S3Client::~S3Client() = default;

const S3Settings& S3Client::settings() const { return impl_->settings(); }
std::optional<Duration> S3Client::clock_offset() const { return impl_->clock_offset(); }
ClientCounts S3Client::counts() const { return impl_->counts(); }

Lister S3Client::list(std::string prefix, std::string delimiter) {
    return {*impl_, std::move(prefix), std::move(delimiter)};
}

Task<std::optional<ObjectHead>> S3Client::head(std::string key) {
    Call call("HEAD", "look at", key);
    std::optional<HttpResponse> response;
    try {
        auto sending = impl_->send(std::move(call));
        response = co_await std::move(sending);
    } catch (const S3Error& error) {
        if (error.failure() != Failure::no_key) throw;
    }
    if (!response) co_return std::nullopt;
    co_return read_head(*response);
}

Task<ObjectHead> S3Client::get(GetRequest request, BodySink& sink) {
    Download download(settings(), request, sink);
    Call call("GET", "read", request.key);
    call.body = &download;
    call.check = [&download](const HttpResponse&) {
        download.check_end();
        return std::optional<Answer>();
    };
    auto sending = impl_->send(std::move(call));
    co_await std::move(sending);
    co_return download.head();
}

Task<std::string> S3Client::put(PutRequest request) {
    Call call("PUT", "write", request.key);
    call.headers = object_headers(settings(), request);
    call.payload = request.payload;
    auto sending = impl_->send(std::move(call));
    const auto response = co_await std::move(sending);
    co_return plain_etag(response.header("etag"));
}

Task<void> S3Client::check_access() {
    Call call("GET", "list", "");
    call.query = {{"list-type", "2"}, {"max-keys", "1"}};
    call.attempts = attempts_of_check;
    std::optional<ListDocument> document;
    call.check = [](const HttpResponse& response) -> std::optional<Answer> {
        if (read_list(response.body)) return std::nullopt;
        throw TransportError(Failure::protocol, "it is no list of objects");
    };
    auto sending = impl_->send(std::move(call));
    co_await std::move(sending);
}

Task<std::vector<BucketName>> S3Client::list_buckets() {
    Call call("GET", "list the buckets", "");
    call.is_about_service = true;
    std::optional<std::vector<BucketName>> buckets;
    call.check = [&buckets](const HttpResponse& response) -> std::optional<Answer> {
        buckets = read_buckets(response.body);
        if (!buckets) throw TransportError(Failure::protocol, "it is no list of buckets");
        return std::nullopt;
    };
    auto sending = impl_->send(std::move(call));
    co_await std::move(sending);
    co_return std::move(*buckets);
}

Task<void> S3Client::create_bucket() {
    Call call("PUT", "make the bucket", "");
    std::string body;
    const auto& region = settings().region;
    if (settings().provider == Provider::s3 && region != "us-east-1") {
        body = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>" +
               region + "</LocationConstraint></CreateBucketConfiguration>";
    }
    call.payload = Payload(body);
    try {
        auto sending = impl_->send(std::move(call));
        co_await std::move(sending);
    } catch (const S3Error& error) {
        if (error.answer().code != "BucketAlreadyOwnedByYou") throw;
    }
}

}  // namespace syncline::s3
