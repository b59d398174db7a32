// The multipart uploads of S3Client.
#include <algorithm>

#include "base/text.hpp"
#include "s3/client.hpp"
#include "s3/client_impl.hpp"
#include "s3/headers.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

constexpr unsigned most_pages = 10'000;

/// A 200 may hold an error: the server began to answer before it knew.
std::optional<Answer> check_completed(const HttpResponse& response, std::string& etag) {
    if (auto found = read_completed(response.body)) {
        etag = *found;
        return std::nullopt;
    }
    if (auto error = read_error(response.body)) return error;
    throw TransportError(Failure::lost, "the answer is no whole CompleteMultipartUploadResult");
}

template <class Document>
std::optional<Answer> check_document(std::optional<Document>& document, const HttpResponse& response,
                                     const char* what) {
    if (document) return std::nullopt;
    if (auto error = read_error(response.body)) return error;
    throw TransportError(Failure::lost, std::string("the answer is no whole ") + what);
}

}  // namespace

Task<std::string> S3Client::create_upload(PutRequest request) {
    Call call("POST", "begin an upload of", request.key);
    call.query = {{"uploads", ""}};
    call.headers = object_headers(settings(), request);
    call.payload = Payload(std::string_view());
    std::optional<std::string> id;
    call.check = [&id](const HttpResponse& response) {
        id = read_upload_id(response.body);
        return check_document(id, response, "InitiateMultipartUploadResult");
    };
    auto sending = impl_->send(std::move(call));
    co_await std::move(sending);
    co_return *id;
}

Task<UploadedPart> S3Client::upload_part(std::string key, std::string upload_id, unsigned number, Payload payload) {
    Call call("PUT", "write a part of", key);
    call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
    call.payload = payload;
    auto sending = impl_->send(std::move(call));
    const auto response = co_await std::move(sending);
    UploadedPart part;
    part.number = number;
    part.etag = plain_etag(response.header("etag"));
    part.size = payload.bytes.size();
    co_return part;
}

Task<std::string> S3Client::complete_upload(std::string key, std::string upload_id, std::vector<UploadedPart> parts) {
    const auto body = write_complete(parts);
    std::string etag;
    Call call("POST", "complete the upload of", key);
    call.query = {{"uploadId", upload_id}};
    call.headers = {"Content-Type: application/xml"};
    call.payload = Payload(body);
    call.is_slow = true;
    call.check = [&etag](const HttpResponse& response) { return check_completed(response, etag); };
    std::optional<S3Error> unknown;
    try {
        auto sending = impl_->send(std::move(call));
        co_await std::move(sending);
    } catch (const S3Error& error) {
        if (error.failure() != Failure::no_key) throw;
        unknown = error;
    }
    if (!unknown) co_return etag;
    // The first answer may have got lost, and the upload be complete.
    const auto expected = multipart_etag(parts);
    auto looking = head(key);
    const auto found = co_await std::move(looking);
    if (!found || expected.empty() || found->etag != expected) throw S3Error(*unknown);
    co_return expected;
}

Task<void> S3Client::abort_upload(std::string key, std::string upload_id) {
    Call call("DELETE", "abort the upload of", key);
    call.query = {{"uploadId", upload_id}};
    try {
        auto sending = impl_->send(std::move(call));
        co_await std::move(sending);
    } catch (const S3Error& error) {
        if (error.failure() != Failure::no_key) throw;
    }
}

Task<std::vector<PendingUpload>> S3Client::list_uploads(std::string prefix) {
    std::vector<PendingUpload> uploads;
    std::string key_marker;
    std::string id_marker;
    for (unsigned page = 0; page < most_pages; ++page) {
        Call call("GET", "list the uploads of", "");
        call.query = {{"encoding-type", "url"}, {"prefix", prefix}, {"uploads", ""}};
        if (!key_marker.empty()) call.query["key-marker"] = key_marker;
        if (!id_marker.empty()) call.query["upload-id-marker"] = id_marker;
        std::optional<UploadsDocument> document;
        call.check = [&document](const HttpResponse& response) {
            document = read_uploads(response.body);
            return check_document(document, response, "ListMultipartUploadsResult");
        };
        auto sending = impl_->send(std::move(call));
        co_await std::move(sending);
        for (auto& upload : document->uploads) uploads.push_back(std::move(upload));
        const bool goes_on = document->key_marker != key_marker || document->id_marker != id_marker;
        if (!document->truncated || !goes_on) break;
        key_marker = document->key_marker;
        id_marker = document->id_marker;
    }
    co_return uploads;
}

Task<std::vector<UploadedPart>> S3Client::list_parts(std::string key, std::string upload_id) {
    std::vector<UploadedPart> parts;
    std::string marker;
    for (unsigned page = 0; page < most_pages; ++page) {
        Call call("GET", "list the parts of", key);
        call.query = {{"uploadId", upload_id}};
        if (!marker.empty()) call.query["part-number-marker"] = marker;
        std::optional<PartsDocument> document;
        call.check = [&document](const HttpResponse& response) {
            document = read_parts(response.body);
            return check_document(document, response, "ListPartsResult");
        };
        auto sending = impl_->send(std::move(call));
        co_await std::move(sending);
        parts.insert(parts.end(), document->parts.begin(), document->parts.end());
        if (!document->truncated || document->marker.empty() || document->marker == marker) break;
        marker = document->marker;
    }
    co_return parts;
}

}  // namespace syncline::s3
