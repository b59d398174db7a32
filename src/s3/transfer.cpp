#include "s3/transfer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/text.hpp"

namespace syncline::s3 {
namespace {

/// Keys may hold "." and "..", which curl takes out of a path unless it is told not to; today's (8.14) then refuses to
/// sign.
bool has_dot_segment(std::string_view url) {
    std::string path(url.substr(0, url.find('?')));
    path += '/';
    return path.find("/./") != path.npos || path.find("/../") != path.npos;
}

constexpr size_t most_pending = size_t{1} << 20;
constexpr size_t most_kept = size_t{8} << 20;  ///< a page of 1,000 longest keys, all encoded, is below 5 MiB
constexpr size_t most_kept_of_error = size_t{1} << 20;
constexpr size_t most_headers = 256;
constexpr size_t most_head_bytes = size_t{256} << 10;
constexpr unsigned most_heads = 16;
// Pieces in which the beginning of an answer may come within one window; it fits into one packet.
constexpr unsigned most_arrivals = 8;
constexpr size_t longest_prologue = 128;  ///< what a busy server sends before it knows its answer
// What goes at a time is asked for in larger steps as long as nobody has to wait.
constexpr size_t least_pace_step = size_t{64} << 10, most_pace_step = size_t{1} << 20;
constexpr auto noticeable_wait = std::chrono::milliseconds(1);
/// From here on a server's "100 Continue" is waited for, so that what is refused is not sent.
constexpr size_t least_announced = size_t{1} << 20;

/// What the user says, and what no proxy can reach: this machine, and the instance metadata service.
const std::string& hosts_without_proxy() {
    static const std::string hosts = [] {
        std::string list = "localhost,127.0.0.1,::1,169.254.169.254";
        for (const char* name : {"no_proxy", "NO_PROXY"}) {
            const char* more = std::getenv(name);
            if (more) return std::string_view(more) == "*" ? std::string(more) : list + "," + more;
        }
        return list;
    }();
    return hosts;
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (auto& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
    return text;
}

/// Nothing but blanks and an XML declaration.
bool is_prologue(std::string_view body) {
    body = trimmed(body);
    if (body.empty()) return true;
    if (!body.starts_with("<?") && body != "<") return false;
    const auto end = body.find("?>");
    return end == std::string_view::npos ? body.size() <= longest_prologue : trimmed(body.substr(end + 2)).empty();
}

Failure failure_of(CURLcode result) {
    switch (result) {
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_OPERATION_TIMEDOUT: return Failure::connect;  // The only time limit that libcurl is given is that.
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR: return Failure::tls;
        case CURLE_URL_MALFORMAT:
        case CURLE_BAD_FUNCTION_ARGUMENT: return Failure::protocol;
        default: return Failure::lost;
    }
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
    for (const auto& [header, value] : headers) {
        if (header == name) return value;
    }
    return {};
}

Transfer::Transfer(CURL* handle, const HttpRequest& request, HeadObserver* observer, const std::string& ca_file,
                   const Patience& patience, const asio::any_io_executor& executor)
    : handle_(handle),
      request_(request),
      observer_(observer),
      patience_(patience),
      wake_(executor),
      mark_(std::chrono::steady_clock::now()),
      phase_began_(mark_) {
    if (!request.pacer || !*request.pacer) allowed_ = SIZE_MAX;
    set_options(ca_file, patience);
    set_body();
}

Transfer::~Transfer() { curl_slist_free_all(headers_); }

void Transfer::set_options(const std::string& ca_file, const Patience& patience) {
    curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
    curl_easy_setopt(handle_, CURLOPT_URL, request_.url.c_str());
    curl_easy_setopt(handle_, CURLOPT_PATH_AS_IS, has_dot_segment(request_.url) ? 1L : 0L);
    curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);  // A cancel does not wait for a name server.
    curl_easy_setopt(handle_, CURLOPT_NOPROXY, hosts_without_proxy().c_str());
    curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(patience.connect.count()));
    curl_easy_setopt(handle_, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle_, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, curl_words_);
    curl_easy_setopt(handle_, CURLOPT_USERAGENT, "syncline");
    if (!ca_file.empty()) curl_easy_setopt(handle_, CURLOPT_CAINFO, ca_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
    for (const auto& header : request_.headers) headers_ = curl_slist_append(headers_, header.c_str());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    const Signer& signer = request_.signer;
    if (signer.access_key.empty()) return;
    const auto scheme = "aws:amz:" + signer.region + ":s3";
    curl_easy_setopt(handle_, CURLOPT_AWS_SIGV4, scheme.c_str());
    curl_easy_setopt(handle_, CURLOPT_USERNAME, signer.access_key.c_str());
    curl_easy_setopt(handle_, CURLOPT_PASSWORD, signer.secret_key.c_str());
}

void Transfer::set_body() {
    if (request_.method == "HEAD") {
        curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
        return;
    }
    if (request_.body) {
        curl_easy_setopt(handle_, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body->size()));
        curl_easy_setopt(handle_, CURLOPT_READFUNCTION, &Transfer::on_read);
        curl_easy_setopt(handle_, CURLOPT_READDATA, this);
        curl_easy_setopt(handle_, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
        curl_easy_setopt(handle_, CURLOPT_SEEKDATA, this);
        // That wait is a round trip, and a whole second where the server says nothing (RADOS Gateway to DeleteObjects).
        // An empty Expect header would be signed by some versions of libcurl.
        if (request_.body->size() < least_announced) curl_easy_setopt(handle_, CURLOPT_EXPECT_100_TIMEOUT_MS, 0L);
    }
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

size_t Transfer::on_header(char* data, size_t size, size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_header({data, size * count}) ? size * count : 0;
}

size_t Transfer::on_body(char* data, size_t size, size_t count, void* self) {
    return static_cast<Transfer*>(self)->take_body({data, size * count});
}

size_t Transfer::on_read(char* data, size_t size, size_t count, void* self) {
    return static_cast<Transfer*>(self)->give_body(data, size * count);
}

/// A kept connection that turns out to be dead is replaced by libcurl, which then sends again.
int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (origin != SEEK_SET || offset < 0 || static_cast<uint64_t>(offset) > transfer.request_.body->size()) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    transfer.sent_ = static_cast<size_t>(offset);
    return CURL_SEEKFUNC_OK;
}

/// What is given up here is not asked for again.
size_t Transfer::refuse(const std::string& why) {
    given_up_as_ = Failure::limit;
    given_up_why_ = why;
    return 0;
}

/// While a large body is still on its way, HTTP/2 tells of each window that opens.
void Transfer::note_arrival() {
    const bool is_large = request_.body && request_.body->size() >= least_pace_step;
    if (!is_large) ++arrivals_;
}

/// False when there is more of it than any answer has.
bool Transfer::take_header(std::string_view line) {
    moved_ += line.size();
    head_bytes_ += line.size();
    const bool is_status = line.starts_with("HTTP/");
    const bool is_too_much = head_bytes_ > most_head_bytes || response_.headers.size() >= most_headers;
    if (is_too_much || (is_status && ++heads_ > most_heads)) {
        refuse("the answer's headers have no end");
        return false;
    }
    head_ended_ = head_ended_ || trimmed(line).empty();
    if (is_status) {  // Of the last answer: a "100 Continue" comes before it.
        head_ended_ = false;
        response_.headers.clear();
        auto space = line.find(' ');
        response_.status = 0;
        if (space != std::string_view::npos) {
            std::from_chars(line.data() + space + 1, line.data() + line.size(), response_.status);
        }
        return true;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    response_.headers.emplace_back(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    // Some servers send a stray chunk after a HEAD's answer: nothing else may be read from that connection.
    if (request_.method == "HEAD" && response_.headers.back().first == "transfer-encoding") {
        curl_easy_setopt(handle_, CURLOPT_FORBID_REUSE, 1L);
    }
    return true;
}

void Transfer::judge_head() {
    if (head_done_) return;
    head_done_ = true;
    if (!observer_) return;
    try {
        observer_->on_head(response_);
    } catch (...) {
        refusal_ = std::current_exception();
    }
}

size_t Transfer::take_body(std::string_view bytes) {
    judge_head();
    if (refusal_) return 0;
    auto& kept = goes_to_sink() ? pending_ : response_.body;
    if (goes_to_sink()) {
        if (pending_.size() >= most_pending) {
            receive_paused_ = true;
            wake_.notify();
            return CURL_WRITEFUNC_PAUSE;
        }
        wake_.notify();
    } else if (kept.size() + bytes.size() > (response_.status / 100 == 2 ? most_kept : most_kept_of_error)) {
        return refuse("the answer is longer than any that is asked for");
    }
    moved_ += bytes.size();
    kept.append(bytes);
    return bytes.size();
}

size_t Transfer::give_body(char* data, size_t size) {
    const auto body = *request_.body;
    const auto left = std::min(body.size(), allowed_) - std::min(sent_, allowed_);
    if (left == 0 && sent_ < body.size()) {
        send_paused_ = true;
        wake_.notify();
        return CURL_READFUNC_PAUSE;
    }
    const auto count = std::min(left, size);
    std::memcpy(data, body.data() + sent_, count);
    sent_ += count;
    moved_ += count;
    return count;
}

void Transfer::finish(CURLcode result) {
    result_ = result;
    ended_ = true;
    wake_.notify();
}

Transfer::Phase Transfer::phase() const {
    if (response_.status >= 200) return Phase::receiving;
    long connects = 0;
    if (moved_ == 0) {
        curl_off_t requested = 0;
        curl_easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &requested);
        connects = requested == 0 ? 1 : 0;
    }
    if (connects) return Phase::connecting;
    return request_.body && sent_ < request_.body->size() ? Phase::sending : Phase::waiting;
}

void Transfer::give_up(Failure failure, const std::string& why) {
    given_up_as_ = failure;
    given_up_why_ = why;
    finish(CURLE_OPERATION_TIMEDOUT);
}

void Transfer::watch(Time now) {
    const auto current = phase();
    // libcurl itself limits the time of connecting; what we hold up ourselves is no fault of the server.
    if (current != phase_at_mark_ || busy_ || receive_paused_ || send_paused_ || current == Phase::connecting) {
        if (current != phase_at_mark_) phase_began_ = now;
        mark_ = now;
        moved_at_mark_ = moved_;
        arrivals_ = 0;
        phase_at_mark_ = current;
        return;
    }
    if (ended_) return;
    judge_time(current, std::chrono::duration_cast<Duration>(now - phase_began_));
    const auto passed = std::chrono::duration_cast<Duration>(now - mark_);
    if (ended_ || passed < patience_.window) return;
    const auto moved = moved_ - moved_at_mark_;
    const auto least = patience_.least_rate * static_cast<uint64_t>(passed.count()) / 1000;
    const bool only_begins = current == Phase::waiting;
    const bool is_too_slow = only_begins ? arrivals_ > most_arrivals : !is_kept_waiting() && moved < least;
    if (is_too_slow) {
        const std::string what = only_begins ? "not even its first line" : "only " + format_byte_count(moved);
        give_up(moved > 0 || only_begins ? Failure::trickles : Failure::timed_out,
                what + " came through within " + format_duration(passed));
        return;
    }
    mark_ = now;
    moved_at_mark_ = moved_;
    arrivals_ = 0;
}

/// A server that is busy for long may send a blank now and then.
bool Transfer::is_kept_waiting() const {
    return request_.answer_limit > patience_.answer && head_ended_ && !goes_to_sink() && is_prologue(response_.body);
}

/// What is no object's content comes whole within its time, or not at all.
void Transfer::judge_time(Phase phase, Duration passed) {
    const bool is_limited = phase == Phase::waiting || (phase == Phase::receiving && !goes_to_sink());
    if (!is_limited || passed < request_.answer_limit) return;
    give_up(phase == Phase::waiting ? Failure::timed_out : Failure::trickles,
            std::string(phase == Phase::waiting ? "no answer came" : "the answer did not come whole") + " within " +
                format_duration(request_.answer_limit));
}

void Transfer::unpause() {
    receive_paused_ = send_paused_ = false;
    if (!ended_) curl_easy_pause(handle_, CURLPAUSE_CONT);
}

Task<void> Transfer::drain() {
    draining_.clear();  // the two buffers take turns, and keep what they have grown to
    draining_.swap(pending_);
    if (request_.pacer && *request_.pacer) {
        auto turn = (*request_.pacer)(draining_.size());
        co_await std::move(turn);
    }
    auto taking = request_.sink->take(draining_);
    co_await std::move(taking);
    if (receive_paused_) unpause();
}

Task<void> Transfer::allow_more() {
    const auto step = std::min(pace_step_, request_.body->size() - allowed_);
    const auto asked_at = std::chrono::steady_clock::now();
    auto turn = (*request_.pacer)(step);
    co_await std::move(turn);
    const bool had_to_wait = std::chrono::steady_clock::now() - asked_at > noticeable_wait;
    pace_step_ = had_to_wait ? least_pace_step : std::min(pace_step_ * 2, most_pace_step);
    allowed_ += step;
    unpause();
}

Task<HttpResponse> Transfer::run() {
    while (!ended_ || !pending_.empty()) {
        if (pending_.empty() && !send_paused_) {
            co_await wake_.wait();
            continue;
        }
        busy_ = true;
        if (!pending_.empty()) {
            co_await drain();
        } else if (!ended_) {
            co_await allow_more();
        } else {
            send_paused_ = false;
        }
        busy_ = false;
    }
    if (!refusal_ && result_ == CURLE_OK) judge_head();
    if (refusal_) std::rethrow_exception(refusal_);
    if (result_ != CURLE_OK) fail();
    co_return std::move(response_);
}

void Transfer::fail() const {
    if (!given_up_why_.empty()) throw TransportError(given_up_as_, given_up_why_);
    const std::string words = *curl_words_ ? curl_words_ : curl_easy_strerror(result_);
    throw TransportError(failure_of(result_), escape(words));
}

}  // namespace syncline::s3
