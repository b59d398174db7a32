// The parts of the client that need no server.
#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "../async/run_task.hpp"
#include "bucket_store.hpp"
#include "s3/credentials.hpp"
#include "s3/headers.hpp"
#include "s3/ini.hpp"
#include "s3/throttle.hpp"
#include "s3/times.hpp"
#include "s3/uri.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

S3Settings made(Provider provider, const std::string& region, const std::string& endpoint = "") {
    S3Settings settings;
    settings.name = "store";
    settings.bucket = "my-bucket";
    settings.provider = provider;
    settings.region = region;
    settings.endpoint = endpoint;
    settings.environment = [](const std::string&) { return std::string(); };
    return resolve(settings);
}

Task<void> read_key(S3Settings settings, Credentials& result) {
    auto executor = co_await asio::this_coro::executor;
    Transport transport(executor, "", Patience());
    CredentialSource source(executor, settings, transport);
    auto reading = source.get();
    result = co_await std::move(reading);
}

using Variables = std::map<std::string, std::string>;

Credentials key_of(S3Settings settings, const Variables& variables) {
    settings.environment = [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    };
    Credentials result;
    run_task(read_key(settings, result));
    return result;
}

struct Home {
    Home() {
        char name[] = "/tmp/syncline-home-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path = name;
        std::filesystem::create_directory(path / ".aws");
    }
    ~Home() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    void write(const std::string& name, const std::string& text) const { std::ofstream(path / ".aws" / name) << text; }

    std::filesystem::path path;
};

}  // namespace

TEST_CASE("keys are encoded as they are signed, and decoded as stores encode them") {
    CHECK(uri_encode_path("a b/\xC3\xA9+~%") == "a%20b/%C3%A9%2B~%25");
    CHECK(uri_decode("a+b%2Bc%2fd%") == "a b+c/d%");
    CHECK(query_text({{"uploads", ""}, {"prefix", "a/b"}}) == "prefix=a%2Fb&uploads=");
}

TEST_CASE("endpoints follow from provider and region") {
    CHECK(bucket_url(made(Provider::s3, "eu-west-1")) == "https://my-bucket.s3.eu-west-1.amazonaws.com");
    CHECK(bucket_url(made(Provider::s3, "cn-north-1")) == "https://my-bucket.s3.cn-north-1.amazonaws.com.cn");
    CHECK(bucket_url(made(Provider::b2, "us-west-004")) == "https://s3.us-west-004.backblazeb2.com/my-bucket");
    CHECK(bucket_url(made(Provider::gcs, "")) == "https://storage.googleapis.com/my-bucket");
    CHECK(made(Provider::gcs, "").region == "auto");
    CHECK(bucket_url(made(Provider::minio, "", "http://127.0.0.1:9000/")) == "http://127.0.0.1:9000/my-bucket");
    CHECK(made(Provider::b2, "", "https://s3.us-west-004.backblazeb2.com").region == "us-west-004");
    CHECK_THROWS_AS(made(Provider::r2, ""), Error);
    CHECK_THROWS_AS(made(Provider::b2, ""), Error);
    CHECK_THROWS_AS(made(Provider::generic, "", "ftp://x"), Error);
}

TEST_CASE("times as stores write them") {
    CHECK(parse_iso_time("2026-01-31T12:00:00.250Z") == 1'769'860'800'250'000'000);
    CHECK(parse_iso_time("2026-01-31T12:00:00Z") == 1'769'860'800'000'000'000);
    CHECK(parse_http_time("Sat, 31 Jan 2026 12:00:00 GMT") == 1'769'860'800'000'000'000);
    CHECK(parse_iso_time("yesterday") == 0);
    CHECK(parse_http_time("") == 0);
}

TEST_CASE("documents that are no whole ones are nothing") {
    CHECK_FALSE(read_error("<html><body>no</body></html>"));
    CHECK_FALSE(read_error(""));
    CHECK(read_error("<Error><Code>A</Code></Error>")->code == "A");
    CHECK_FALSE(read_list("<ListBucketResult><IsTruncated>false</IsTruncated>"));
    CHECK_FALSE(read_list("<ListBucketResult></ListBucketResult>"));
    const auto raw = read_list(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a+b%20\n</Key>"
        "<ETag>abc</ETag></Contents></ListBucketResult>");
    REQUIRE(raw);
    CHECK(raw->page.objects[0].key == "a+b%20\n");
    CHECK(raw->page.objects[0].etag == "abc");
    CHECK(plain_etag("W/\"abc\"") == "abc");
    CHECK(fits_xml("a\n\xC3\xA9"));
    CHECK_FALSE(fits_xml("\x01"));
    CHECK_FALSE(fits_xml("\xff"));
    CHECK_FALSE(fits_xml("\xEF\xBF\xBF"));
    std::vector<std::string> keys = {"<&>\r\n"};
    CHECK(write_delete(keys).find("<Key>&lt;&amp;&gt;&#13;&#10;</Key>") != std::string::npos);
}

TEST_CASE("metadata that would not arrive is refused") {
    S3Settings settings;
    PutRequest request("k", Payload());
    auto refused = [&](const Metadata& metadata) {
        request.metadata = metadata;
        try {
            object_headers(settings, request);
            return false;
        } catch (const S3Error& error) {
            return error.failure() == Failure::refused;
        }
    };
    CHECK_FALSE(refused({{"mode", "644"}, {"mtime", "1"}}));
    CHECK(refused({{"a_b", "1"}}));
    CHECK(refused({{"a", "\xC3\xA9"}}));
    CHECK(refused({{"a", "two  blanks"}}));
    CHECK(refused({{"mode", "1"}, {"mode2", "1"}}));
    request.key = std::string(1025, 'k');
    CHECK(refused({}));
}

TEST_CASE("SlowDown halves what may be under way, success brings it back") {
    AdaptiveLimit rule(32);
    const auto now = std::chrono::steady_clock::now();
    rule.on_throttled(now, Duration(100));
    rule.on_throttled(now, Duration(300));
    CHECK(rule.limit() == 16);
    CHECK(rule.held_until() == now + Duration(300));
    rule.on_throttled(now + std::chrono::seconds(2), Duration(1));
    CHECK(rule.limit() == 8);
    for (int i = 0; i < 8; ++i) rule.on_success();
    CHECK(rule.limit() == 9);
    for (int i = 0; i < 10'000; ++i) rule.on_success();
    CHECK(rule.limit() == 32);
}

TEST_CASE("where an access key comes from") {
    Home home;
    Variables variables = {{"HOME", home.path.string()}, {"MY_KEY", "k1"}, {"MY_SECRET", "s1"}};
    S3Settings settings;
    settings.name = "store";
    CHECK_THROWS_AS(key_of(settings, variables), S3Error);
    home.write("config",
               "[default]\ncredential_process = printf '{\"Version\":1,\"AccessKeyId\":\"k4\",\"SecretAccessKey\":"
               "\"s4\",\"SessionToken\":\"t4\",\"Expiration\":\"2099-01-01T00:00:00Z\"}'\n[profile other]\n"
               "aws_access_key_id = k3\naws_secret_access_key = s3\n[profile bad]\ncredential_process = false\n");
    CHECK(key_of(settings, variables).access_key == "k4");
    CHECK(key_of(settings, variables).session_token == "t4");
    CHECK(key_of(settings, variables).expires);
    home.write("credentials", "# mine\n[default]\naws_access_key_id=k2\naws_secret_access_key=s2\n");
    CHECK(key_of(settings, variables).access_key == "k2");
    variables["AWS_PROFILE"] = "other";
    CHECK(key_of(settings, variables).access_key == "k3");
    variables["AWS_ACCESS_KEY_ID"] = "k5";
    variables["AWS_SECRET_ACCESS_KEY"] = "s5";
    CHECK(key_of(settings, variables).access_key == "k5");
    settings.credentials.profile = "bad";
    CHECK_THROWS_AS(key_of(settings, variables), S3Error);
    settings.credentials.profile = "none";
    CHECK_THROWS_AS(key_of(settings, variables), S3Error);
    settings.credentials.key_variable = "MY_KEY";
    settings.credentials.secret_variable = "MY_SECRET";
    CHECK(key_of(settings, variables).secret_key == "s1");
}

}  // namespace syncline::s3
