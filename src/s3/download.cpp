#include "s3/download.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "s3/headers.hpp"

namespace syncline::s3 {

std::vector<std::string> Download::headers() const {
    std::vector<std::string> headers;
    const auto from = request_.offset + delivered_;
    if (from > 0 || request_.length > 0) {
        auto range = "Range: bytes=" + std::to_string(from) + "-";
        if (request_.length > 0) range += std::to_string(request_.offset + request_.length - 1);
        headers.push_back(std::move(range));
    }
    if (!etag_.empty()) headers.push_back("If-Match: \"" + etag_ + "\"");
    return headers;
}

void Download::on_head(const HttpResponse& response) {
    if (response.status / 100 != 2) return;
    const auto from = request_.offset + delivered_;
    const auto range = read_content_range(response.header("content-range"));
    const bool is_right = response.status == 206 ? range && range->first == from : from == 0;
    auto head = read_head(response);
    if (!is_right) {
        throw S3Error(Failure::protocol,
                      "bucket '" + settings_.name + "': the store sent another part of '" + escape(request_.key) +
                          "' than was asked for; it cannot be read from there",
                      read_answer(response), settings_.bucket, request_.key);
    }
    // Not every store obeys If-Match.
    if (!etag_.empty() && !head.etag.empty() && head.etag != etag_) {
        throw S3Error(Failure::precondition,
                      "bucket '" + settings_.name + "': '" + escape(request_.key) +
                          "' was changed by somebody else while it was read; run it again",
                      read_answer(response), settings_.bucket, request_.key);
    }
    if (etag_.empty()) etag_ = head.etag;
    head_ = std::move(head);
    const auto length = read_number(response.header("content-length"));
    if (request_.size) most_ = *request_.size - std::min(*request_.size, request_.offset);
    if (request_.length > 0) most_ = std::min(most_, request_.length);
    if (range || length) {
        const auto rest = head_.size > request_.offset ? head_.size - request_.offset : 0;
        expected_ = request_.length > 0 ? std::min(request_.length, rest) : rest;
        if (*expected_ > most_) refuse_more();
    }
}

void Download::refuse_more() const {
    throw S3Error(
        Failure::limit,
        "bucket '" + settings_.name + "': there is more of '" + escape(request_.key) +
            "' than was listed: it was changed meanwhile, or the store is wrong; nothing of it is kept, run it again",
        {}, settings_.bucket, request_.key);
}

Task<void> Download::take(std::string_view bytes) {
    const auto most = std::min(expected_.value_or(UINT64_MAX), most_);
    if (bytes.size() > most - std::min(most, delivered_)) refuse_more();
    auto taking = sink_.take(bytes);
    co_await std::move(taking);
    delivered_ += bytes.size();
}

void Download::check_end() const {
    if (expected_ && delivered_ < *expected_) {
        throw TransportError(Failure::lost, "the object ended after " + std::to_string(delivered_) + " of " +
                                                std::to_string(*expected_) + " bytes");
    }
}

}  // namespace syncline::s3
