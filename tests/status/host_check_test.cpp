#include "status/host_check.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline::status;

TEST_CASE("only names of this machine are own hosts") {
    for (const char* own :
         {"localhost", "LocalHost:7411", "127.0.0.1", "127.0.0.1:80", "127.12.3.254:1", "[::1]", "[::1]:65535"}) {
        INFO(own);
        CHECK(is_own_host(own));
    }
    for (const char* foreign : {"",
                                ":80",
                                "example.org",
                                "localhost.example.org",
                                "localhost.",
                                "127.0.0.1.example.org",
                                "127.0.0",
                                "127.0.0.",
                                "127..0.1",
                                "127.0.0.1000",
                                "1127.0.0.1",
                                "0.0.0.0",
                                "[::]",
                                "[::1",
                                "::1",
                                "127.0.0.1:",
                                "127.0.0.1:x",
                                "127.0.0.1:123456",
                                "localhost:80:80",
                                "user@localhost",
                                "localhost/",
                                " localhost"}) {
        INFO(foreign);
        CHECK_FALSE(is_own_host(foreign));
    }
}

TEST_CASE("an own origin is a page of the very host and port") {
    CHECK(is_own_origin("http://localhost:7411", "localhost:7411"));
    CHECK(is_own_origin("HTTP://LOCALHOST:7411", "localhost:7411"));
    for (const char* foreign : {"null", "", "http://localhost:7412", "http://localhost", "https://localhost:7411",
                                "http://localhost:7411.example.org", "http://127.0.0.1:7411"}) {
        INFO(foreign);
        CHECK_FALSE(is_own_origin(foreign, "localhost:7411"));
    }
}
