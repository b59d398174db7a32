#include "s3/client_impl.hpp"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <charconv>

#include "base/text.hpp"
#include "s3/times.hpp"

namespace syncline::s3 {

/// How one attempt ended: with an answer that is judged, or with none.
struct ClientImpl::Outcome {
    HttpResponse response;
    Answer answer;
    std::optional<Failure> failure;
    std::optional<TransportError> trouble;  ///< there was no whole answer
};

ClientImpl::ClientImpl(const asio::any_io_executor& executor, S3Settings settings, Pacer pacer)
    : executor_(executor),
      settings_(resolve(std::move(settings))),
      pacer_(std::move(pacer)),
      transport_(executor, settings_.ca_file, settings_.patience),
      credentials_(executor, settings_, transport_),
      throttle_(executor, settings_.concurrency),
      random_(std::random_device{}()) {}

ClientCounts ClientImpl::counts() const {
    auto counts = counts_;
    counts.connections = transport_.connections();
    return counts;
}

HttpRequest ClientImpl::make_request(const Call& call, const Credentials& credentials) const {
    static const std::string digest_of_nothing = sha256_of("").hex();
    HttpRequest request;
    request.method = call.method;
    request.url = call.is_about_service ? settings_.endpoint + "/" : bucket_url(settings_);
    const bool needs_slash = settings_.addressing == Addressing::virtual_host || !call.operation.key.empty();
    if (!call.is_about_service && needs_slash) request.url += "/" + uri_encode_path(call.operation.key);
    if (!call.query.empty()) request.url += "?" + query_text(call.query);
    request.headers = call.headers;
    if (call.body) {
        for (auto& header : call.body->headers()) request.headers.push_back(std::move(header));
    }
    request.headers.push_back("x-amz-content-sha256: " +
                              (call.payload ? call.payload->sha256.hex() : digest_of_nothing));
    if (call.payload) {
        request.body = call.payload->bytes;
        if (!call.payload->md5.empty()) request.headers.push_back("Content-MD5: " + base64(call.payload->md5));
    }
    if (!credentials.session_token.empty()) {
        request.headers.push_back("x-amz-security-token: " + credentials.session_token);
    }
    request.signer = {credentials.access_key, credentials.secret_key, settings_.region};
    request.sink = call.body;
    request.answer_limit = call.is_slow ? settings_.patience.long_answer : settings_.patience.answer;
    request.pacer = &pacer_;
    return request;
}

void ClientImpl::note_clock(const HttpResponse& response) {
    const auto time = parse_http_time(response.header("date"));
    if (time == 0) return;
    // The header has whole seconds: half of one is the best guess.
    const auto offset_ns = time + 500'000'000 - wall_clock_now();
    clock_offset_ = Duration(offset_ns / 1'000'000);
}

Task<ClientImpl::Outcome> ClientImpl::attempt(const Call& call) {
    Outcome outcome;
    auto turn = throttle_.acquire();
    auto permit = co_await std::move(turn);
    auto reading = credentials_.get();
    const auto credentials = co_await std::move(reading);
    const auto request = make_request(call, credentials);
    ++counts_.requests;
    try {
        auto performing = transport_.perform(request, call.body);
        outcome.response = co_await std::move(performing);
        note_clock(outcome.response);
        outcome.answer = read_answer(outcome.response);
        if (outcome.answer.status / 100 == 2 && call.check) {
            if (auto hidden = call.check(outcome.response)) {
                hidden->status = outcome.answer.status;
                if (hidden->request_id.empty()) hidden->request_id = outcome.answer.request_id;
                outcome.answer = *hidden;
            }
        }
        outcome.failure = judge(outcome.answer);
    } catch (const TransportError& trouble) {
        outcome.trouble = trouble;
        outcome.failure = trouble.failure();
    }
    if (!outcome.failure) throttle_.on_success();
    co_return outcome;
}

/// Anything up to a ceiling that doubles: many that failed together do not come back together.
Duration ClientImpl::delay(unsigned attempt, const std::string& retry_after) {
    const auto& patience = settings_.patience;
    auto ceiling = patience.base_delay;
    for (unsigned i = 0; i < attempt && ceiling < patience.longest_delay; ++i) ceiling *= 2;
    ceiling = std::min(ceiling, patience.longest_delay);
    auto chosen = Duration(static_cast<Duration::rep>(random_() % (static_cast<uint64_t>(ceiling.count()) + 1)));
    unsigned seconds = 0;
    std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
    return std::max(chosen, std::min<Duration>(std::chrono::seconds(seconds), patience.longest_delay));
}

Task<void> ClientImpl::pause(Duration time) const {
    asio::steady_timer timer(executor_, time);
    auto waiting = timer.async_wait(asio::use_awaitable);
    co_await std::move(waiting);
}

Task<HttpResponse> ClientImpl::send(Call call) {
    bool renewed = false;
    uint64_t delivered = 0;
    unsigned failed = 0, stalled = 0;
    unsigned most = settings_.patience.attempts;
    if (call.attempts > 0) most = std::min(most, call.attempts);
    while (true) {
        auto trying = attempt(call);
        auto outcome = co_await std::move(trying);
        if (!outcome.failure) co_return std::move(outcome.response);
        // A download that gets on is not at its end, however often it breaks off.
        const auto progress = call.body ? call.body->delivered() : 0;
        if (progress >= delivered + (uint64_t{1} << 20)) failed = stalled = 0;
        delivered = progress;
        ++failed;
        if (*outcome.failure == Failure::timed_out) ++stalled;
        if (*outcome.failure == Failure::trickles) stalled += 2;  // It will not change its mind.
        const auto wait = delay(failed - 1, std::string(outcome.response.header("retry-after")));
        if (*outcome.failure == Failure::throttled) {
            ++counts_.throttled;
            throttle_.on_throttled(wait);
        }
        const bool wants_renewal = !renewed && wants_new_credentials(outcome.answer);
        const bool repeats = may_repeat(*outcome.failure, outcome.answer) && failed < most &&
                             stalled < settings_.patience.stalled_attempts;
        if (!repeats && !wants_renewal) {
            if (outcome.trouble) throw describe(settings_, call.operation, *outcome.trouble, failed);
            throw describe(settings_, call.operation, *outcome.failure, outcome.answer, clock_offset_, failed);
        }
        ++counts_.repeated;
        if (wants_renewal) {
            renewed = true;
            credentials_.forget();
        } else {
            auto waiting = pause(wait);
            co_await std::move(waiting);
        }
    }
}

}  // namespace syncline::s3
