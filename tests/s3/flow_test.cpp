// How requests flow: at most so many at once, at a rate, ended early, to nobody.
#include <algorithm>
#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "../async/run_task.hpp"
#include "async/deadline.hpp"
#include "async/nursery.hpp"
#include "bucket_store.hpp"
#include "scripted_server.hpp"

namespace syncline::s3 {
namespace {

Task<void> put_one(S3Client& client, const std::string& text) {
    const Payload payload(text);
    PutRequest request("k", payload);
    auto putting = client.put(std::move(request));
    co_await std::move(putting);
}

Task<void> spawn_puts(S3Client& client, Nursery& nursery, const std::string& text, int count) {
    for (int i = 0; i < count; ++i) nursery.spawn(put_one(client, text));
    co_return;
}

Task<void> put_many(S3Client& client, const std::string& text, int count) {
    auto body = [&](Nursery& nursery) { return spawn_puts(client, nursery, text, count); };
    co_await with_nursery(body);
}

Task<void> give_up_soon(S3Client& client, const std::string& text, bool& timed_out) {
    auto putting = put_one(client, text);
    auto limited = with_deadline(std::move(putting), Duration(200), "putting");
    try {
        co_await std::move(limited);
    } catch (const TimedOut&) {
        timed_out = true;
    }
}

Task<void> stall_and_go(S3Client& client, const std::string& text, bool& timed_out, std::atomic<bool>& answers) {
    auto first = give_up_soon(client, text, timed_out);
    co_await std::move(first);
    answers = true;
    auto second = put_one(client, text);
    co_await std::move(second);
}

Task<void> count_bytes(uint64_t& sum, uint64_t bytes) {
    sum += bytes;
    co_return;
}

Task<void> put_paced(S3Settings settings, const std::string& text, uint64_t& paced) {
    auto executor = co_await asio::this_coro::executor;
    const Pacer pacer = [&paced](uint64_t bytes) { return count_bytes(paced, bytes); };
    S3Client client(executor, std::move(settings), pacer);
    co_await put_one(client, text);
    StringBody body(text.size());
    GetRequest request("k");
    auto getting = client.get(std::move(request), body);
    co_await std::move(getting);
    CHECK(body.bytes() == text);
}

Task<void> put_and_count(S3Client& client, const std::string& text, int count, ClientCounts& counts) {
    auto putting = put_many(client, text, count);
    co_await std::move(putting);
    counts = client.counts();
}

}  // namespace

TEST_CASE("never more requests are under way than there may be") {
    std::atomic<int> under_way{0};
    std::atomic<int> most{0};
    ScriptedServer server([&](const SeenRequest&) {
        const int now = ++under_way;
        int before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --under_way;
        return reply(200);
    });
    auto settings = server.settings();
    settings.concurrency = 3;
    const std::string text = "text";
    const Work work = [&](S3Client& client) { return put_many(client, text, 100); };
    with_client(settings, work);
    CHECK(server.seen().size() == 100);
    CHECK(most <= 3);
    CHECK(server.connections() <= 3);
}

TEST_CASE("SlowDown is repeated until all is done") {
    ScriptedServer server([&](const SeenRequest& request) {
        return request.number % 3 == 0 && request.number < 60 ? error_reply(503, "SlowDown") : reply(200);
    });
    const std::string text = "text";
    ClientCounts counts;
    const Work work = [&](S3Client& client) { return put_and_count(client, text, 100, counts); };
    with_client(server.settings(), work);
    CHECK(counts.throttled == 20);
    CHECK(counts.requests == 120);
}

TEST_CASE("a request that is ended early ends at once, and the next one works") {
    std::atomic<bool> answers{false};
    ScriptedServer server([&](const SeenRequest&) { return answers ? reply(200) : Reply{"", Reply::Then::stall}; });
    bool timed_out = false;
    const std::string text(3'000'000, 'x');
    const Work work = [&](S3Client& client) { return stall_and_go(client, text, timed_out, answers); };
    with_client(server.settings(), work);
    CHECK(timed_out);
    CHECK(server.seen().back().body == text);
}

TEST_CASE("each byte of a body asks the pacer first, in both directions") {
    std::string kept;
    ScriptedServer server([&](const SeenRequest& request) {
        if (request.method == "PUT") kept = request.body;
        return reply(200, request.method == "PUT" ? "" : kept);
    });
    std::string text;
    for (int i = 0; text.size() < 5'000'000; ++i) text += std::to_string(i);
    uint64_t paced = 0;
    run_task(put_paced(server.settings(), text, paced));
    CHECK(paced == 2 * text.size());
}

TEST_CASE("a server that is not there is unreachable") {
    S3Settings settings;
    {
        ScriptedServer server([](const SeenRequest&) { return reply(200); });
        settings = server.settings();
    }
    const std::string text = "text";
    const Work work = [&](S3Client& client) { return put_one(client, text); };
    const auto failure = failure_of(settings, work);
    CHECK(failure.failure() == Failure::connect);
    CHECK(failure.code() == Errc::unreachable);
    settings.endpoint = "http://no-such-name.invalid";
    settings.patience.attempts = 1;
    CHECK(failure_of(settings, work).failure() == Failure::connect);
}

}  // namespace syncline::s3
