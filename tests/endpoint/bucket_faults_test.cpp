// Whole runs against a bucket server that does wrong: nothing is lost, and the next run against a sound one mends it.
#include "bucket_run_fixture.hpp"

using namespace syncline;
using namespace syncline::test;

TEST_CASE("parts that fail now and then still make the object") {
    BucketRunFixture fixture;
    // Long enough for a part of 8 MiB to be answered under a sanitizer on a busy machine: only the stall must end it.
    fixture.settings.patience.answer = Duration(3'000);
    fixture.settings.patience.attempts = 8;
    fixture.write("root/large", std::string(20'000'000, 'x'));
    std::atomic<int> count{0};
    fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
        if (!s3::is_multipart(request)) return std::nullopt;
        switch (count++) {
            case 0: return error_reply(500, "InternalError");
            case 1: return error_reply(503, "SlowDown");
            case 2: return Reply{"", Reply::Then::stall};
            default: return std::nullopt;
        }
    });
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(report.outcome == Outcome::success);
    CHECK(count > 3);
    fixture.check_equal();
    fixture.check_healed();
}

TEST_CASE("an upload that is refused at its end leaves nothing behind, and the next run makes it") {
    BucketRunFixture fixture;
    fixture.write("root/large", std::string(20'000'000, 'x'));
    fixture.bucket.set_fault([](const SeenRequest& request) -> MaybeReply {
        if (request.method != "POST" || !has(request.target, "uploadId=")) return std::nullopt;
        return s3::reply(200, "<Error><Code>InternalError</Code><Message>sorry</Message></Error>");
    });
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(exit_status(report) != 0);
    CHECK(has(words(report), "large"));
    CHECK(fixture.bucket.contents().empty());
    fixture.check_healed();
}

TEST_CASE("what comes broken or cut is never put into place") {
    for (bool is_cut : {false, true}) {
        BucketRunFixture fixture;
        fixture.pull();
        fixture.bucket.put("p/a", "good content");
        fixture.bucket.put("p/b", "another one");
        fixture.write("root/a", "old");
        // The ETag of a foreign object need not be its MD5, so that only damage that differs each time can be told.
        std::atomic<int> count{0};
        fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
            if (request.method != "GET" || key_of(request) != "p/a") return std::nullopt;
            Reply answer = fixture.bucket.obey(request);
            if (is_cut) return Reply{answer.bytes.substr(0, answer.bytes.size() - 4), Reply::Then::close};
            answer.bytes.back() = static_cast<char>('0' + count++ % 10);
            return answer;
        });
        RunReport report = fixture.run();
        INFO(words(report));
        CHECK(exit_status(report) != 0);
        CHECK(has(words(report), "a"));
        CHECK(fixture.read("root/a") == "old");
        fixture.check_healed();
    }
}

TEST_CASE("a listing that cannot be right halts a push and a pull, and nothing is changed") {
    std::vector<std::function<Reply(const SeenRequest&)>> faults = {
        [](const SeenRequest&) { return s3::reply(200, page(listed("p/k"), "same")); },
        [](const SeenRequest&) { return s3::reply(200, page(listed("p/k") + listed("p/a"), "more")); },
        [](const SeenRequest&) { return s3::reply(200, page(listed("p/k"), "")); },
    };
    for (const auto& fault : faults) {
        for (bool is_pull : {false, true}) {
            BucketRunFixture fixture;
            if (is_pull) fixture.pull();
            fixture.job.policy.pull = PullPolicy::mirror;
            fixture.write("root/a", "1");
            fixture.write("root/b", "2");
            fixture.bucket.put("p/a", "1");
            fixture.bucket.put("p/b", "2");
            fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
                return s3::is_list(request) ? MaybeReply(fault(request)) : std::nullopt;
            });
            auto local = fixture.snapshot("root"), remote = fixture.bucket.contents();
            RunReport report = fixture.run();
            INFO(words(report) << is_pull);
            // Of a source that is not known whole a pull deletes nothing, and says so.
            CHECK(exit_status(report) == (is_pull ? 4 : 3));
            CHECK((is_pull || codes(report).starts_with("incomplete-listing")));
            CHECK(fixture.snapshot("root") == local);
            CHECK(fixture.bucket.contents() == remote);
            fixture.check_healed();
        }
    }
}

TEST_CASE("keys that are no paths are named, and the others come") {
    BucketRunFixture fixture;
    fixture.pull();
    std::string long_name = std::string(200, 'k') + "/" + std::string(200, 'k') + "/" + std::string(200, 'k') + "/" +
                            std::string(200, 'k') + "/" + std::string(218, 'k');
    REQUIRE(("p/" + long_name).size() == 1024);
    for (const std::string key : {"../x", "a//b", "/x", "new\nline", "dir/", "both", "both/in"})
        fixture.bucket.put("p/" + key, key.ends_with('/') ? "" : "content");
    fixture.bucket.put("p/" + long_name, "content");
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(exit_status(report) == 4);
    for (const char* name : {"../x", "a//b", "both"}) CHECK(has(words(report), name));
    CHECK(fixture.read("root/new\nline") == "content");
    CHECK(fixture.read("root/both/in") == "content");
    CHECK(fixture.read("root/" + long_name) == "content");
    CHECK(fixture.exists("root/dir"));
    CHECK_FALSE(fixture.exists("x"));
    CHECK_FALSE(fixture.exists("root/x"));
    CHECK_FALSE(fixture.exists("root/a"));
    CHECK(fixture.bucket.contents().size() == 8);
}

TEST_CASE("what the store refuses for good ends the run with a word on what to do") {
    struct Case {
        unsigned status;
        const char *code, *advice;
    };
    for (const Case& is : {Case{403, "RequestTimeTooSkewed", "set this machine's clock"},
                           Case{403, "ExpiredToken", "check the credentials"}}) {
        BucketRunFixture fixture;
        for (int i = 0; i < 5; ++i) fixture.write("root/f" + std::to_string(i), "content");
        fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
            return request.method == "PUT" && request.number > 2 ? MaybeReply(error_reply(is.status, is.code))
                                                                 : std::nullopt;
        });
        RunReport report = fixture.run();
        INFO(words(report));
        CHECK(exit_status(report) == 1);
        CHECK(has(words(report), is.advice));
        fixture.check_healed();
    }
}

TEST_CASE("a redirect to another host is not followed") {
    s3::MemoryStore other;
    BucketRunFixture fixture;
    fixture.write("root/f", "content");
    fixture.bucket.set_fault([&](const SeenRequest&) -> MaybeReply {
        return s3::reply(307, "", "Location: " + other.server().endpoint() + "/bucket/\r\n");
    });
    RunReport report = fixture.run();
    CHECK(exit_status(report) == 1);
    CHECK(other.server().seen().empty());
    fixture.check_healed();
}

TEST_CASE("a put whose answer is lost counts as done") {
    BucketRunFixture fixture;
    fixture.write("root/f", "content");
    std::atomic<bool> is_lost{false};
    fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
        if (request.method != "PUT" || is_lost.exchange(true)) return std::nullopt;
        fixture.bucket.obey(request);
        return Reply{"", Reply::Then::close};
    });
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(report.outcome == Outcome::success);
    fixture.check_equal();
    CHECK(fixture.run().planned.put == 0);
}

TEST_CASE("an object that somebody else replaces after the listing is neither overwritten nor deleted") {
    for (bool has_conditions : {true, false}) {
        BucketRunFixture fixture;
        for (const char* name : {"changed", "gone", "kept"}) fixture.write("root/" + std::string(name), "first");
        REQUIRE(fixture.run().outcome == Outcome::success);
        fixture.job.policy.adopt = true;  // there is no watcher here that saw the delete
        fixture.write("root/changed", "second");
        fixture.remove("root/gone");
        fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
            if (s3::is_list(request)) {
                Reply answer = fixture.bucket.obey(request);
                fixture.bucket.put("p/changed", "of another");
                fixture.bucket.put("p/gone", "of another");
                return answer;
            }
            bool is_conditional = request.headers.contains("if-match") || request.headers.contains("if-none-match");
            return request.method == "PUT" && is_conditional && !has_conditions
                       ? MaybeReply(error_reply(501, "NotImplemented"))
                       : std::nullopt;
        });
        RunReport report = fixture.run();
        INFO(words(report));
        CHECK(exit_status(report) == 4);
        CHECK(has(words(report), "changed: "));
        CHECK(has(words(report), "gone: "));
        CHECK(fixture.bucket.contents()["p/changed"] == "of another");
        CHECK(fixture.bucket.contents()["p/gone"] == "of another");
    }
}

TEST_CASE("a store that will not delete one object deletes the others and names it") {
    BucketRunFixture fixture;
    for (const char* name : {"stays", "goes", "kept"}) fixture.write("root/" + std::string(name), name);
    REQUIRE(fixture.run().outcome == Outcome::success);
    fixture.job.policy.adopt = true;  // there is no watcher here that saw the deletes
    fixture.remove("root/stays");
    fixture.remove("root/goes");
    fixture.bucket.set_fault([&](const SeenRequest& request) -> MaybeReply {
        if (request.method == "DELETE") return error_reply(403, "AccessDenied");
        if (request.method != "POST" || !has(request.body, "p/stays")) return std::nullopt;
        SeenRequest without = request;
        without.body.replace(without.body.find("p/stays"), 7, "p/none!");
        fixture.bucket.obey(without);
        return s3::reply(200,
                         "<DeleteResult><Error><Key>p/stays</Key><Code>AccessDenied</Code><Message>no</Message>"
                         "</Error></DeleteResult>");
    });
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(exit_status(report) == 4);
    CHECK(has(words(report), "stays: "));
    CHECK_FALSE(fixture.bucket.contents().contains("p/goes"));
    fixture.check_healed();
}

TEST_CASE("no server at the endpoint is a store that cannot be reached") {
    BucketRunFixture fixture;
    fixture.write("root/f", "content");
    std::string sound = fixture.settings.endpoint;
    {
        s3::MemoryStore ended;
        fixture.settings.endpoint = ended.server().endpoint();
    }
    RunReport report = fixture.run();
    INFO(words(report));
    CHECK(report.outcome == Outcome::failed);
    CHECK(report.failure == Errc::unreachable);
    CHECK(has(report.error, "check the endpoint"));
    fixture.settings.endpoint = sound;
    fixture.check_healed();
}
