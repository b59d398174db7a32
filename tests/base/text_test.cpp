#include "base/text.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace syncline;

TEST_CASE("no control byte reaches a terminal") {
    CHECK(escape("plain ünïcode") == "plain ünïcode");
    CHECK(escape("a\nb\tc\x1b[31m\x7f\\") == "a\\nb\\tc\\x1b[31m\\x7f\\\\");
    CHECK(escape("\xff\xfe") == "\\xff\\xfe");
    CHECK(escape("b\xe2\x80\xaegpj.exe") == "b\\xe2\\x80\\xaegpj.exe");  // right-to-left override
    CHECK(escape("\xe2\x82\xac") == "\xe2\x82\xac");
    CHECK(escape("\xc2\x9b") == "\\xc2\\x9b");  // CSI as a C1 control
}

TEST_CASE("UTF-8 is judged as RFC 3629 says") {
    for (std::string_view good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"})
        CHECK(is_utf8(good));
    for (std::string_view bad :
         {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
        CHECK_FALSE(is_utf8(bad));
    }
    CHECK(utf8_lossy("a\xff"
                     "b") ==
          "a\xEF\xBF\xBD"
          "b");
}

TEST_CASE("base64 as in RFC 4648") {
    CHECK(base64("") == "");
    CHECK(base64("f") == "Zg==");
    CHECK(base64("fo") == "Zm8=");
    CHECK(base64("foo") == "Zm9v");
    CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("a misspelling finds its word, a stranger none") {
    std::vector<std::string> keys = {"exclude", "include", "interval", "root"};
    CHECK(did_you_mean("exlude", keys) == "exclude");
    CHECK(did_you_mean("intervall", keys) == "interval");
    CHECK(did_you_mean("zzz", keys).empty());
    CHECK(did_you_mean("psuh", {"pull", "push"}) == "push");  // two letters that changed places
}
