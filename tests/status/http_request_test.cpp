#include "status/http_request.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace syncline::status;

namespace {

std::string path_of(const std::string& target) {
    auto request = parse_http_request("GET " + target + " HTTP/1.1");
    return request ? request->path : "refused";
}

}  // namespace

TEST_CASE("a request's head is taken apart") {
    auto request = parse_http_request(
        "HEAD /jobs/a%20b.json?x=/y HTTP/1.0\r\nHost:localhost\r\nX:\t a, b \t\r\nhOST: two\r\nEmpty:");
    REQUIRE(request);
    CHECK(request->method == "HEAD");
    CHECK(request->path == "/jobs/a b.json");
    CHECK(request->values_of("host") == std::vector<std::string>{"localhost", "two"});
    CHECK(request->values_of("x") == std::vector<std::string>{"a, b"});
    CHECK(request->values_of("EMPTY") == std::vector<std::string>{""});
    CHECK(request->values_of("Origin").empty());
}

TEST_CASE("a path is decoded once, and goes to the query") {
    CHECK(path_of("/?") == "/");
    CHECK(path_of("?") == "");
    CHECK(path_of("/%2e%2E/%2523") == "/../%23");
    CHECK(path_of("/%") == "/%");
    CHECK(path_of("/%4") == "/%4");
    CHECK(path_of("/%zz%4a") == "/%zzJ");
    CHECK(path_of("/%00") == std::string("/\0", 2));
    CHECK(path_of("http://localhost/") == "http://localhost/");
}

TEST_CASE("what HTTP/1.1 forbids is no request") {
    for (const char* head : {"",
                             "GET",
                             "GET /",
                             "GET  / HTTP/1.1",
                             "GET /  HTTP/1.1",
                             "GET / HTTP/1.1 ",
                             " GET / HTTP/1.1",
                             "GET / HTTP/2",
                             "GET / HTTP/1.1\r",
                             "GET / http/1.1",
                             "G(T / HTTP/1.1",
                             "GET /\x80 HTTP/1.1",
                             "GET /\t HTTP/1.1",
                             "GET / HTTP/1.1\nHost: localhost",
                             "GET / HTTP/1.1\r\nHost",
                             "GET / HTTP/1.1\r\nHost : localhost",
                             "GET / HTTP/1.1\r\n: localhost",
                             "GET / HTTP/1.1\r\nX: 1\r\n Host: localhost",
                             "GET / HTTP/1.1\r\nX: 1\nHost: localhost",
                             "GET / HTTP/1.1\r\nX: 1\rHost: localhost",
                             "GET / HTTP/1.1\r\nX: \x7f",
                             "GET / HTTP/1.1\r\n\r\n"}) {
        INFO(head);
        CHECK_FALSE(parse_http_request(head));
    }
    CHECK_FALSE(parse_http_request(std::string("GET / HTTP/1.1\r\nX: \0y", 22)));
}

TEST_CASE("any bytes are a head of HTTP or not, and nothing else happens") {
    std::mt19937 dice(11);
    const std::string good = "GET /jobs/%41.json?q HTTP/1.1\r\nHost: localhost:1\r\nOrigin: http://localhost:1";
    for (int round = 0; round < 20'000; ++round) {
        std::string head = good;
        for (unsigned change = dice() % 4 + 1; change > 0; --change) {
            size_t at = dice() % head.size();
            switch (dice() % 3) {
                case 0: head[at] = static_cast<char>(dice()); break;
                case 1: head.insert(at, 1, " %:\r\n?\0\t"[dice() % 8]); break;
                default: head.erase(at, 1);
            }
        }
        if (auto request = parse_http_request(head)) {
            CHECK(request->method.find_first_of(" \r\n:") == std::string::npos);
            for (const auto& [name, value] : request->headers) {
                CHECK(name.find_first_of(" \r\n:") == std::string::npos);
                CHECK(value.find_first_of("\r\n") == std::string::npos);
            }
        }
    }
}
