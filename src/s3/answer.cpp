#include "s3/answer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

using Meaning = std::pair<std::string_view, Failure>;

// Codes that say more than their status (the S3 API reference, "Error responses", and what other stores add).
constexpr std::array codes = {
    Meaning{"SlowDown", Failure::throttled},
    Meaning{"SlowDownRead", Failure::throttled},
    Meaning{"SlowDownWrite", Failure::throttled},
    Meaning{"Throttling", Failure::throttled},
    Meaning{"ThrottlingException", Failure::throttled},
    Meaning{"RequestLimitExceeded", Failure::throttled},
    Meaning{"TooManyRequests", Failure::throttled},
    Meaning{"ServiceUnavailable", Failure::throttled},
    Meaning{"InternalError", Failure::server},
    Meaning{"OperationAborted", Failure::server},
    Meaning{"RequestTimeout", Failure::timed_out},
    Meaning{"IncompleteBody", Failure::lost},
    Meaning{"InvalidAccessKeyId", Failure::credentials},
    Meaning{"SignatureDoesNotMatch", Failure::credentials},
    Meaning{"InvalidToken", Failure::credentials},
    Meaning{"ExpiredToken", Failure::credentials},
    Meaning{"TokenRefreshRequired", Failure::credentials},
    Meaning{"RequestTimeTooSkewed", Failure::clock},
    Meaning{"RequestExpired", Failure::clock},
    Meaning{"PermanentRedirect", Failure::redirected},
    Meaning{"TemporaryRedirect", Failure::redirected},
    Meaning{"AuthorizationHeaderMalformed", Failure::redirected},
    Meaning{"IllegalLocationConstraintException", Failure::redirected},
    Meaning{"NoSuchBucket", Failure::no_bucket},
    Meaning{"NoSuchKey", Failure::no_key},
    Meaning{"NoSuchUpload", Failure::no_key},
    Meaning{"PreconditionFailed", Failure::precondition},
    Meaning{"ConditionalRequestConflict", Failure::precondition},
    Meaning{"BadDigest", Failure::digest},
    Meaning{"XAmzContentSHA256Mismatch", Failure::digest},
    Meaning{"XAmzContentChecksumMismatch", Failure::digest},
    Meaning{"InvalidDigest", Failure::digest},
    Meaning{"NotImplemented", Failure::unsupported},
    Meaning{"MethodNotAllowed", Failure::unsupported},
};

Failure judge_status(unsigned status) {
    switch (status) {
        case 401: return Failure::credentials;
        case 403: return Failure::denied;
        case 404: return Failure::no_key;
        case 405:
        case 501: return Failure::unsupported;
        case 408: return Failure::timed_out;
        case 412: return Failure::precondition;
        case 429:
        case 503: return Failure::throttled;
        default: break;
    }
    if (status >= 300 && status < 400) return Failure::redirected;
    if (status >= 500) return Failure::server;
    return status >= 400 ? Failure::refused : Failure::protocol;
}

std::string in_brackets(const Answer& answer) {
    if (answer.status == 0) return "";
    std::string text = " (HTTP " + std::to_string(answer.status);
    if (!answer.code.empty()) text += ", " + escape(answer.code.substr(0, 64));
    if (!answer.request_id.empty()) text += ", request " + escape(answer.request_id.substr(0, 80));
    return text + ")";
}

std::string why(Failure failure, const Answer& answer, std::optional<Duration> clock_offset) {
    switch (failure) {
        case Failure::connect: return "no connection";
        case Failure::tls: return "the server's certificate is not trusted";
        case Failure::lost: return "the connection ended in the middle";
        case Failure::timed_out: return "it took too long";
        case Failure::trickles: return "the store's answer trickles";
        case Failure::throttled: return "the store asks to slow down";
        case Failure::server: return "the store has a fault of its own";
        case Failure::credentials:
            return answer.code == "SignatureDoesNotMatch" ? "the secret key is not the one of this access key"
                                                          : "the store does not accept the access key";
        case Failure::denied: return "access denied";
        case Failure::clock:
            if (!clock_offset) return "this machine's clock is too far from the store's";
            return "this machine's clock is " + format_duration(std::chrono::abs(*clock_offset)) +
                   (*clock_offset > Duration::zero() ? " behind" : " ahead of") + " the store's";
        case Failure::redirected:
            return answer.region.empty() ? "the bucket is not at this endpoint"
                                         : "the bucket is in the region " + escape(answer.region.substr(0, 64));
        case Failure::no_bucket: return "there is no such bucket";
        case Failure::no_key:
            return answer.code == "NoSuchUpload" ? "there is no such upload" : "there is no such object";
        case Failure::precondition: return "somebody else has changed it";
        case Failure::unsupported: return "the store cannot do this";
        case Failure::digest: return "what arrived is not what was sent";
        case Failure::listing: return "the listing is not whole";
        case Failure::limit: return "it is too large";
        case Failure::protocol: return "the answer means nothing; is this an S3 endpoint?";
        case Failure::refused: return "the store refuses it";
    }
    return "it failed";
}

std::string remedy(const S3Settings& settings, Failure failure, const Answer& answer) {
    const std::string table = "[buckets." + settings.name + "]";
    switch (failure) {
        case Failure::connect: return "check the endpoint in " + table + " and the network";
        case Failure::tls: return "check the endpoint; a certificate of one's own goes into SSL_CERT_FILE";
        case Failure::throttled:
        case Failure::server:
        case Failure::lost:
        case Failure::trickles:
        case Failure::timed_out: return "run it again later";
        case Failure::credentials: return "check the credentials of " + table;
        case Failure::denied: return "give the access key this right, or check its credentials in " + table;
        case Failure::clock: return "set this machine's clock";
        case Failure::redirected:
            return answer.region.empty() ? "correct region and endpoint in " + table
                                         : "write region = \"" + escape(answer.region.substr(0, 64)) + "\" in " + table;
        case Failure::no_bucket:
            return "make it with `syncline buckets create " + escape(settings.name) + "`, or correct the name in " +
                   table;
        case Failure::digest: return "run it again; check this machine's memory and network when it happens again";
        case Failure::listing: return "run it again";
        case Failure::protocol: return "check the endpoint in " + table;
        default: return "";
    }
}

std::string sentence(const S3Settings& settings, const Operation& operation, const std::string& reason,
                     const std::string& way_out, unsigned attempts) {
    std::string text = "bucket '" + settings.name + "' (" + settings.bucket + " at " + settings.endpoint +
                       "): cannot " + operation.what;
    if (!operation.key.empty()) text += " '" + escape(operation.key) + "'";
    text += ": " + reason;
    if (attempts > 1) text += ", " + std::to_string(attempts) + " times";
    return way_out.empty() ? text : text + "; " + way_out;
}

}  // namespace

Answer read_answer(const HttpResponse& response) {
    Answer answer;
    if (response.status / 100 != 2) answer = read_error(response.body).value_or(Answer{});
    answer.status = response.status;
    const auto id = response.header("x-amz-request-id");
    if (!id.empty()) answer.request_id = id;
    const auto region = response.header("x-amz-bucket-region");
    if (!region.empty()) answer.region = region;
    return answer;
}

std::optional<Failure> judge(const Answer& answer) {
    if (answer.status / 100 == 2 && answer.code.empty()) return std::nullopt;
    for (const auto& [code, failure] : codes) {
        if (code == answer.code) return failure;
    }
    if (answer.status / 100 == 2) return Failure::server;
    return judge_status(answer.status);
}

bool may_repeat(Failure failure, const Answer& answer) {
    switch (failure) {
        case Failure::connect:
        case Failure::lost:
        case Failure::timed_out:
        case Failure::trickles:
        case Failure::throttled:
        case Failure::server:
        case Failure::listing: return true;
        // The bytes are in memory and were hashed: the way to the server flipped something, unless it says 400 for
        // good.
        case Failure::digest: return answer.code != "InvalidDigest";
        default: return false;
    }
}

bool wants_new_credentials(const Answer& answer) {
    return answer.code == "ExpiredToken" || answer.code == "TokenRefreshRequired" || answer.code == "InvalidToken" ||
           answer.code == "InvalidAccessKeyId";
}

S3Error describe(const S3Settings& settings, const Operation& operation, Failure failure, const Answer& answer,
                 std::optional<Duration> clock_offset, unsigned attempts) {
    auto reason = why(failure, answer, clock_offset) + in_brackets(answer);
    if (!answer.message.empty()) reason += ": " + escape(answer.message.substr(0, 200));
    const auto text = sentence(settings, operation, reason, remedy(settings, failure, answer), attempts);
    return S3Error(failure, text, answer, settings.bucket, operation.key);
}

S3Error describe(const S3Settings& settings, const Operation& operation, const TransportError& trouble,
                 unsigned attempts) {
    const auto failure = trouble.failure();
    const auto reason = why(failure, {}, std::nullopt) + ": " + trouble.what();
    return S3Error(failure, sentence(settings, operation, reason, remedy(settings, failure, {}), attempts), {},
                   settings.bucket, operation.key);
}

}  // namespace syncline::s3
