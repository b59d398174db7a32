#include "base/digest.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline;

TEST_CASE("a digest survives the way to hex and back, in either case") {
    Digest digest;
    for (size_t i = 0; i < 32; ++i) digest.bytes[i] = static_cast<uint8_t>(i * 37 + 5);
    std::string hex = digest.hex();
    CHECK(hex.size() == 64);
    CHECK(Digest::from_hex(hex) == digest);
    for (char& c : hex) c = static_cast<char>(std::toupper(c));
    CHECK(Digest::from_hex(hex) == digest);
}

TEST_CASE("what is not 64 hex digits is no digest") {
    CHECK_FALSE(Digest::from_hex(""));
    CHECK_FALSE(Digest::from_hex(std::string(63, 'a')));
    CHECK_FALSE(Digest::from_hex(std::string(65, 'a')));
    CHECK_FALSE(Digest::from_hex(std::string(63, 'a') + "g"));
}
