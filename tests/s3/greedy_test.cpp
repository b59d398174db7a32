// Servers that send without end, or hardly at all: every answer has a limit in count, bytes and time.
#include <catch2/catch_test_macros.hpp>

#include "bucket_store.hpp"
#include "scripted_server.hpp"

namespace syncline::s3 {
namespace {

/// All limits on time are 300 ms; a byte comes every 20 ms.
S3Settings hasty(const ScriptedServer& server) {
    auto settings = server.settings();
    settings.patience.answer = Duration(300);
    settings.patience.window = Duration(300);
    return settings;
}

Task<void> list_one_page(S3Client& client) {
    auto lister = client.list("");
    auto page = lister.next();
    co_await std::move(page);
}

const Work list_page = [](S3Client& client) { return list_one_page(client); };

Reply trickling(Reply answer) {
    answer.then = Reply::Then::trickle;
    return answer;
}

/// `more` again and again, far past any limit.
std::string endless(const std::string& more) {
    std::string text;
    while (text.size() < (size_t{40} << 20)) text += more;
    return text;
}

Failure failure_to_list(const Reply& answer, size_t requests) {
    ScriptedServer server([&](const SeenRequest&) { return answer; });
    const auto failure = failure_of(hasty(server), list_page);
    INFO(failure.what());
    CHECK(server.seen().size() == requests);
    return failure.failure();
}

class CountingSink final : public BodySink {
  public:
    Task<void> take(std::string_view bytes) override {
        taken += bytes.size();
        co_return;
    }
    uint64_t taken = 0;
};

Task<void> get_ten_bytes(S3Client& client, CountingSink& sink) {
    GetRequest request("k");
    request.size = 10;
    auto getting = client.get(std::move(request), sink);
    co_await std::move(getting);
}

}  // namespace

TEST_CASE("headers, interim answers and documents without end are given up at once") {
    CHECK(failure_to_list(Reply{"HTTP/1.1 200 x\r\n" + endless("X-More: of the same\r\n")}, 1) == Failure::limit);
    const std::string long_header = "X-Long: " + std::string(1000, 'x') + "\r\n";
    CHECK(failure_to_list(Reply{"HTTP/1.1 500 x\r\n" + endless(long_header)}, 1) == Failure::limit);
    CHECK(failure_to_list(Reply{endless("HTTP/1.1 100 Continue\r\n\r\n")}, 1) == Failure::limit);
    const std::string chunk = "1000\r\n" + std::string(0x1000, 'a') + "\r\n";
    for (const char* status : {"200 x", "403 x"}) {
        const auto head = "HTTP/1.1 " + std::string(status) + "\r\nTransfer-Encoding: chunked\r\n\r\n";
        CHECK(failure_to_list(Reply{head + endless(chunk)}, 1) == Failure::limit);
    }
}

TEST_CASE("an answer that trickles is given up, whatever of it does") {
    const std::string page = "<ListBucketResult><IsTruncated>false</IsTruncated>" + std::string(200, ' ');
    CHECK(failure_to_list(trickling(reply(200, page)), 2) == Failure::trickles);  // its first line already
    CHECK(failure_to_list(trickling(Reply{"HTTP/1.1 200 x\r\n" + std::string(500, 'X')}), 2) == Failure::trickles);
    CHECK(failure_to_list(trickling(error_reply(503, "SlowDown", std::string(500, 'x'))), 2) == Failure::trickles);
    CHECK(failure_to_list(Reply{"", Reply::Then::stall}, 3) == Failure::timed_out);
}

TEST_CASE("no more is taken of an object than it was listed with") {
    const std::string etag = "ETag: \"0123456789abcdef0123456789abcdef\"\r\n";
    const std::string chunks = "5\r\n01234\r\n5\r\n56789\r\n10\r\n" + std::string(16, 'x') + "\r\n0\r\n\r\n";
    for (const auto& answer : {reply(200, std::string(11, 'x'), etag),
                               Reply{"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n" + etag + "\r\n" + chunks},
                               Reply{"HTTP/1.1 200 x\r\n" + etag + "\r\n" + endless("x"), Reply::Then::close}}) {
        ScriptedServer server([&](const SeenRequest&) { return answer; });
        CountingSink sink;
        const Work get = [&](S3Client& client) { return get_ten_bytes(client, sink); };
        const auto failure = failure_of(server.settings(), get);
        INFO(failure.what());
        CHECK(failure.failure() == Failure::limit);
        CHECK(failure.concerns_one_key());
        CHECK(sink.taken <= 10);
        CHECK(server.seen().size() == 1);
    }
}

}  // namespace syncline::s3
