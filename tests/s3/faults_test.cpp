// What a server does wrong, and what the client makes of it.
#include <catch2/catch_test_macros.hpp>

#include "async/nursery.hpp"
#include "bucket_store.hpp"
#include "scripted_server.hpp"

namespace syncline::s3 {
namespace {

const std::string etag_header = "ETag: \"0123456789abcdef0123456789abcdef\"\r\n";

std::string list_body(const std::vector<std::string>& keys, const std::string& next_token = "",
                      const std::string& more = "") {
    std::string body = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>";
    body += next_token.empty() && more.empty() ? "false" : "true";
    body += "</IsTruncated><EncodingType>url</EncodingType>" + more;
    if (!next_token.empty()) body += "<NextContinuationToken>" + next_token + "</NextContinuationToken>";
    for (const auto& key : keys) {
        body += "<Contents><Key>" + key + "</Key><Size>1</Size><ETag>&quot;e&quot;</ETag>" +
                "<LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>";
    }
    return body + "</ListBucketResult>";
}

Task<void> list_keys(S3Client& client, std::vector<std::string>& keys) {
    auto lister = client.list("");
    while (auto page = co_await lister.next()) {
        for (auto& object : page->objects) keys.push_back(object.key);
    }
}

Work listing(std::vector<std::string>& keys) {
    return [&keys](S3Client& client) { return list_keys(client, keys); };
}

Task<void> put_text(S3Client& client, std::string text) {
    const Payload payload(text);
    PutRequest request("k", payload);
    auto putting = client.put(std::move(request));
    co_await std::move(putting);
}

Task<void> get_text(S3Client& client, std::string& text) {
    StringBody body(size_t{64} << 20);
    GetRequest request("k");
    auto getting = client.get(std::move(request), body);
    co_await std::move(getting);
    text = body.take_bytes();
}

const Work put_small = [](S3Client& client) { return put_text(client, "text"); };

Failure listing_failure(const ScriptedServer::Script& script) {
    ScriptedServer server(script);
    auto settings = server.settings();
    settings.patience.attempts = 2;
    std::vector<std::string> keys;
    return failure_of(settings, listing(keys)).failure();
}

Task<void> complete(S3Client& client, std::string& etag) {
    std::vector<UploadedPart> parts(1);
    parts[0].number = 1;
    parts[0].etag = "0123456789abcdef0123456789abcdef";
    auto completing = client.complete_upload("k", "id", parts);
    etag = co_await std::move(completing);
}

Work completing(std::string& etag) {
    return [&etag](S3Client& client) { return complete(client, etag); };
}

Task<void> look(S3Client& client, std::string key, bool& found) {
    auto looking = client.head(key);
    found = (co_await std::move(looking)).has_value();
}

Task<void> look_at_both(S3Client& client, bool& first, bool& second) {
    auto missing = look(client, "k", first);
    co_await std::move(missing);
    auto there = look(client, "there", second);
    co_await std::move(there);
}

Task<void> remove_four(S3Client& client, std::vector<DeleteFailure>& result) {
    std::vector<std::string> keys = {"a", "kept", "z", "\x01"};
    auto deleting = client.delete_many(std::move(keys));
    result = co_await std::move(deleting);
}

}  // namespace

TEST_CASE("a check does not wait long for a store that is down") {
    ScriptedServer server([](const SeenRequest&) { return error_reply(500, "InternalError"); });
    const Work checking = [](S3Client& client) { return client.check_access(); };
    CHECK(failure_of(server.settings(), checking).failure() == Failure::server);
    CHECK(server.seen().size() == 2);
}

TEST_CASE("what fails for a moment is repeated") {
    ScriptedServer server([](const SeenRequest& request) {
        switch (request.number) {
            case 0: return error_reply(500, "InternalError", "We encountered an internal error.");
            case 1: return error_reply(503, "SlowDown");
            case 2: return reply(503, "<html><body>busy</body></html>", "Retry-After: 0\r\n");
            case 3: return error_reply(400, "RequestTimeout");
            case 4: return error_reply(400, "BadDigest");
            case 5: return error_reply(400, "XAmzContentSHA256Mismatch");
            case 6: return Reply{"", Reply::Then::close};
            case 7: return reply(429);
            default: return reply(200, "", etag_header);
        }
    });
    with_client(server.settings(), put_small);
    const auto seen = server.seen();
    REQUIRE(seen.size() == 9);
    for (const auto& request : seen) CHECK(request.body == "text");
}

TEST_CASE("a fault that lasts ends a request after every attempt, with all that the server said") {
    ScriptedServer server(
        [](const SeenRequest&) { return error_reply(503, "SlowDown", "Please reduce your request rate."); });
    const auto failure = failure_of(server.settings(), put_small);
    CHECK(failure.failure() == Failure::throttled);
    CHECK(failure.code() == Errc::lost);
    CHECK(failure.answer().status == 503);
    CHECK(failure.answer().request_id == "request-1");
    CHECK(failure.bucket() == "bucket");
    CHECK(failure.key() == "k");
    CHECK(server.seen().size() == server.settings().patience.attempts);
    CHECK(server.seen().size() >= 8);
    const std::string words = failure.what();
    for (const char* part : {"'test'", "'k'", "503", "SlowDown", "request-1", "reduce"}) {
        CHECK(words.find(part) != std::string::npos);
    }
}

TEST_CASE("errors without a document are judged by their status") {
    const auto judged = [](const Reply& answer) {
        ScriptedServer server([&](const SeenRequest&) { return answer; });
        auto settings = server.settings();
        settings.patience.attempts = 1;
        return failure_of(settings, put_small).failure();
    };
    CHECK(judged(reply(403, "<html><title>no</title></html>")) == Failure::denied);
    CHECK(judged(reply(404)) == Failure::no_key);
    CHECK(judged(reply(412)) == Failure::precondition);
    CHECK(judged(reply(501, "", "")) == Failure::unsupported);
    CHECK(judged(error_reply(403, "RequestTimeTooSkewed")) == Failure::clock);
    CHECK(judged(error_reply(404, "NoSuchBucket")) == Failure::no_bucket);
    CHECK(judged(reply(418)) == Failure::refused);
    CHECK(judged(Reply{"SSH-2.0-OpenSSH_9.2\r\n", Reply::Then::close}) == Failure::lost);
}

TEST_CASE("a wrong clock is told with how wrong it is") {
    ScriptedServer server([](const SeenRequest&) {
        return reply(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                     "Date: Sat, 31 Jan 2015 12:00:00 GMT\r\n");
    });
    const auto failure = failure_of(server.settings(), put_small);
    CHECK(failure.failure() == Failure::clock);
    CHECK(std::string(failure.what()).find("ahead of") != std::string::npos);
    CHECK(server.seen().size() == 1);
}

TEST_CASE("a redirect to another host is told and not followed: credentials stay home") {
    ScriptedServer other([](const SeenRequest&) { return reply(200); });
    for (const unsigned status : {301U, 307U, 302U}) {
        ScriptedServer server([&](const SeenRequest&) {
            return reply(status, "<Error><Code>PermanentRedirect</Code><Message></Message></Error>",
                         "Location: " + other.endpoint() + "/k\r\nx-amz-bucket-region: eu-west-1\r\n");
        });
        const auto failure = failure_of(server.settings(), put_small);
        CHECK(failure.failure() == Failure::redirected);
        CHECK(std::string(failure.what()).find("region = \"eu-west-1\"") != std::string::npos);
    }
    CHECK(other.seen().empty());
}

TEST_CASE("a download goes on where it broke off, and each byte comes once") {
    std::string content;
    for (int i = 0; content.size() < 3'000'000; ++i) content += std::to_string(i) + ",";
    ScriptedServer server([&](const SeenRequest& request) {
        size_t from = 0;
        if (request.headers.contains("range")) from = std::stoul(request.headers.at("range").substr(6));
        const auto rest = content.substr(from);
        auto answer = reply(from ? 206 : 200, rest,
                            etag_header + "Content-Range: bytes " + std::to_string(from) + "-" +
                                std::to_string(content.size() - 1) + "/" + std::to_string(content.size()) + "\r\n");
        if (request.number == 4) return answer;
        answer.bytes.resize(answer.bytes.size() - rest.size() + std::min<size_t>(rest.size(), 500'000));
        answer.then = Reply::Then::close;
        return answer;
    });
    std::string text;
    const Work get = [&](S3Client& client) { return get_text(client, text); };
    with_client(server.settings(), get);
    CHECK(text == content);
    const auto seen = server.seen();
    REQUIRE(seen.size() == 5);
    CHECK(seen[4].headers.at("if-match") == "\"0123456789abcdef0123456789abcdef\"");
}

TEST_CASE("an object that changes while it is read is an error") {
    ScriptedServer server([&](const SeenRequest& request) {
        if (request.number == 0) {
            auto answer = reply(200, std::string(1000, 'a'), etag_header);
            answer.bytes.resize(answer.bytes.size() - 500);
            answer.then = Reply::Then::close;
            return answer;
        }
        return reply(206, std::string(500, 'b'), "ETag: \"other\"\r\nContent-Range: bytes 500-999/1000\r\n");
    });
    std::string text;
    const Work get = [&](S3Client& client) { return get_text(client, text); };
    CHECK(failure_of(server.settings(), get).failure() == Failure::precondition);
}

TEST_CASE("what stalls or trickles is given up and repeated") {
    ScriptedServer server([&](const SeenRequest& request) {
        auto answer = reply(200, std::string(100'000, 'a'), etag_header);
        if (request.number == 0) return Reply{"", Reply::Then::stall};
        if (request.number == 1) answer.bytes.resize(1000);
        if (request.number == 1) answer.then = Reply::Then::stall;
        if (request.number == 2) answer = reply(206, std::string(99'000, 'a'), etag_header);
        if (request.number == 2) answer.then = Reply::Then::trickle;
        return answer;
    });
    auto settings = server.settings();
    settings.patience.answer = Duration(300);
    settings.patience.window = Duration(300);
    settings.patience.attempts = 3;
    std::string text;
    const Work get = [&](S3Client& client) { return get_text(client, text); };
    CHECK(failure_of(settings, get).failure() == Failure::trickles);
    CHECK(server.seen().size() == 3);
    CHECK(server.connections() == 3);
}

TEST_CASE("a listing is read whole or is an error") {
    ScriptedServer server([](const SeenRequest& request) {
        if (request.target.find("continuation-token=t1") == std::string::npos) {
            return reply(200, list_body({"a%2Fb", "a+c", "a%2Bd"}, "t1"));
        }
        return reply(200, list_body({"b%0A"}));
    });
    std::vector<std::string> keys;
    // The store's order is that of the bytes: " " before "+" before "/".
    ScriptedServer ordered([](const SeenRequest& request) {
        if (request.target.find("continuation-token=t1") == std::string::npos) {
            return reply(200, list_body({"a+c", "a%2Bd", "a%2Fb"}, "t1"));
        }
        return reply(200, list_body({"b%0A"}));
    });
    with_client(ordered.settings(), listing(keys));
    CHECK(keys == std::vector<std::string>{"a c", "a+d", "a/b", "b\n"});
    keys.clear();
    CHECK(failure_of(server.settings(), listing(keys)).failure() == Failure::listing);
}

TEST_CASE("listings that nothing may be decided by") {
    // The same token again.
    CHECK(listing_failure([](const SeenRequest& request) {
              return reply(200, list_body({"k" + std::to_string(request.number)}, "same"));
          }) == Failure::listing);
    // The same page again.
    CHECK(listing_failure([](const SeenRequest& request) {
              return reply(200, list_body({"a", "b"}, "t" + std::to_string(request.number)));
          }) == Failure::listing);
    // Out of order.
    CHECK(listing_failure([](const SeenRequest&) { return reply(200, list_body({"b", "a"})); }) == Failure::listing);
    // More follows, but not where.
    CHECK(listing_failure([](const SeenRequest&) { return reply(200, list_body({"a"}, "", " ")); }) ==
          Failure::listing);
    // Cut off in the middle, though its length says otherwise.
    CHECK(listing_failure([](const SeenRequest&) {
              auto body = list_body({"a", "b"});
              body.resize(body.size() / 2);
              return reply(200, body);
          }) == Failure::listing);
    // Fewer keys than it says.
    CHECK(listing_failure([](const SeenRequest&) {
              auto body = list_body({"a", "b"});
              body.insert(body.find("<EncodingType>"), "<KeyCount>3</KeyCount>");
              return reply(200, body);
          }) == Failure::listing);
    // An error in a 200, and no document at all.
    CHECK(listing_failure([](const SeenRequest&) { return reply(200, "<Error><Code>InternalError</Code></Error>"); }) ==
          Failure::server);
    CHECK(listing_failure([](const SeenRequest&) { return reply(200, "<html>hello</html>"); }) == Failure::listing);
}

TEST_CASE("a 200 with an error in it is none, and a lost answer is made up for") {
    const std::string done = "  \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>";
    std::string etag = "?";
    for (const std::string given : {"&quot;abc-1&quot;", "abc-1", "\"abc-1\""}) {
        ScriptedServer server([&](const SeenRequest& request) {
            if (request.number == 0) return reply(200, "<Error><Code>InternalError</Code><Message></Message></Error>");
            if (request.number == 1) return reply(200, done);
            return reply(200, done + given + "</ETag></CompleteMultipartUploadResult>");
        });
        with_client(server.settings(), completing(etag));
        CHECK(etag == "abc-1");
    }
    ScriptedServer empty(
        [&](const SeenRequest&) { return reply(200, done + "</ETag></CompleteMultipartUploadResult>"); });
    with_client(empty.settings(), completing(etag));
    CHECK(etag.empty());
    std::vector<UploadedPart> parts(1);
    parts[0].etag = "0123456789abcdef0123456789abcdef";
    const auto expected = multipart_etag(parts);
    ScriptedServer lost([&](const SeenRequest& request) {
        if (request.number == 0) return Reply{"", Reply::Then::close};
        if (request.method == "HEAD") {
            return Reply{"HTTP/1.1 200 x\r\nContent-Length: 9\r\nETag: " + expected + "\r\n\r\n"};
        }
        return error_reply(404, "NoSuchUpload");
    });
    with_client(lost.settings(), completing(etag));
    CHECK(etag == expected);
    ScriptedServer gone([&](const SeenRequest&) { return error_reply(404, "NoSuchUpload"); });
    CHECK(failure_of(gone.settings(), completing(etag)).failure() == Failure::no_key);
}

TEST_CASE("a HEAD that finds nothing leaves a connection that can be used, or none") {
    for (const auto& answer : {std::string("HTTP/1.1 404 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                               std::string("HTTP/1.1 404 x\r\nContent-Length: 200\r\n\r\n"),
                               std::string("HTTP/1.1 404 x\r\nContent-Type: text/html\r\n\r\n")}) {
        ScriptedServer server([&](const SeenRequest& request) {
            return request.target.ends_with("k") ? Reply{answer} : Reply{"HTTP/1.1 200 x\r\nContent-Length: 1\r\n\r\n"};
        });
        bool found_missing = true;
        bool found = false;
        const Work look_twice = [&](S3Client& client) { return look_at_both(client, found_missing, found); };
        with_client(server.settings(), look_twice);
        CHECK_FALSE(found_missing);
        CHECK(found);
    }
}

TEST_CASE("a store without DeleteObjects is asked for each, and what it keeps is named") {
    ScriptedServer server([](const SeenRequest& request) {
        if (request.method == "POST") return error_reply(501, "NotImplemented");
        if (request.target.ends_with("/kept")) return error_reply(403, "AccessDenied");
        return reply(204);
    });
    std::vector<DeleteFailure> kept;
    const Work remove = [&](S3Client& client) { return remove_four(client, kept); };
    with_client(server.settings(), remove);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].key == "kept");
    CHECK(kept[0].code == "AccessDenied");
    CHECK(server.seen().size() == 5);
}

TEST_CASE("every x-amz header is signed, and the payload's digest is in it") {
    ScriptedServer server([](const SeenRequest&) { return reply(200, "", etag_header); });
    auto settings = server.settings();
    settings.credentials.key_variable.clear();
    settings.environment = [](const std::string& name) -> std::string {
        if (name == "AWS_ACCESS_KEY_ID") return "access";
        if (name == "AWS_SECRET_ACCESS_KEY") return "secret";
        return name == "AWS_SESSION_TOKEN" ? "token" : "";
    };
    with_client(settings, put_small);
    const auto request = server.seen().at(0);
    const auto signature = request.headers.at("authorization");
    for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-")) CHECK(signature.find(name) != std::string::npos);
    }
    CHECK(request.headers.at("x-amz-content-sha256") == sha256_of("text").hex());
    CHECK(request.headers.at("content-md5") == "HLJR7A1WjeapKbUgxK7Y0Q==");
    CHECK(request.headers.at("x-amz-security-token") == "token");
}

TEST_CASE("a key that expired is read again") {
    std::atomic<int> asked{0};
    ScriptedServer server([&](const SeenRequest& request) {
        if (request.number == 0) return error_reply(400, "ExpiredToken");
        return reply(200, "", etag_header);
    });
    auto settings = server.settings();
    settings.environment = [&](const std::string& name) {
        if (name != "KEY") return std::string("secret");
        return "access" + std::to_string(++asked);
    };
    with_client(settings, put_small);
    const auto seen = server.seen();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].headers.at("authorization").find("access1/") != std::string::npos);
    CHECK(seen[1].headers.at("authorization").find("access2/") != std::string::npos);
}

}  // namespace syncline::s3
