#include "base/units.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline;
using namespace std::chrono_literals;

TEST_CASE("durations") {
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("45m") == 45min);
    CHECK(parse_duration("12h") == 12h);
    CHECK(parse_duration("30d") == 720h);
    CHECK(parse_duration("2w") == 336h);
    CHECK(parse_duration("30") == 30min);
    for (std::string_view bad :
         {"", "0", "0s", "-5s", "5x", "s", "1.5h", " 5s", "5 s", "99999999999999999999s", "9999999999w"}) {
        CHECK_FALSE(parse_duration(bad));
    }
}

TEST_CASE("byte counts") {
    CHECK(parse_byte_count("10 KiB") == 10240);
    CHECK(parse_byte_count("20MiB") == 20u << 20);
    CHECK(parse_byte_count("512 B") == 512);
    CHECK(parse_byte_count("2 MB") == 2'000'000);
    for (std::string_view bad : {"", "10", "0 B", "-1 KiB", "5 XiB", "99999999 TiB", "1.5 KiB"})
        CHECK_FALSE(parse_byte_count(bad));
}

TEST_CASE("times are RFC 3339, before the epoch and far after it too") {
    CHECK(format_time(0) == "1970-01-01T00:00:00.000Z");
    CHECK(format_time(-1'000'000) == "1969-12-31T23:59:59.999Z");
    CHECK(format_time(1'700'000'000'123'456'789) == "2023-11-14T22:13:20.123Z");
}

TEST_CASE("durations and sizes for people") {
    CHECK(format_duration(350ms) == "350 ms");
    CHECK(format_duration(1500ms) == "1.5 s");
    CHECK(format_duration(125s) == "2 min 5 s");
    CHECK(format_duration(96h) == "4 d");
    CHECK(format_byte_count(512) == "512 B");
    CHECK(format_byte_count(1536) == "1.5 KiB");
    CHECK(format_byte_count(1024 * 1024) == "1.0 MiB");
}
