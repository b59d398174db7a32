#include "status/control_request.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>
#include <random>

using namespace syncline::status;

namespace {

ControlRequest full_request() {
    ControlRequest request;
    request.command = "push";
    request.job = "thesis";
    request.paths = {"a", "\xff\xfe", "", "caf\xc3\xa9\n"};
    request.exclude = {"*.o"};
    request.directory = "/home/u/\x80";
    request.interval = "30s";
    request.force = request.remove = request.verbose = true;
    return request;
}

std::string without_newline(std::string line) {
    REQUIRE(line.ends_with('\n'));
    line.pop_back();
    return line;
}

std::string refusal(std::string_view line) {
    std::string why;
    CHECK_FALSE(parse_request(line, why));
    return why;
}

}  // namespace

TEST_CASE("a request comes back as it was, whatever its bytes") {
    std::string why;
    const ControlRequest request = full_request();
    std::string line = without_newline(request_line(request));
    CHECK(line.find('\n') == std::string::npos);
    CHECK(parse_request(line, why) == request);
    ControlRequest bare;
    bare.command = "status";
    CHECK(request_line(bare) == "{\"command\":\"status\"}\n");
}

TEST_CASE("what is no request says why") {
    CHECK(refusal("") == "a request is one JSON object on one line");
    CHECK(refusal("[]") == "a request is one JSON object on one line");
    CHECK(refusal("{\"command\":\"status\"") == "a request is one JSON object on one line");
    CHECK(refusal("{}") == "member 'command' is missing");
    CHECK(refusal("{\"command\":\"x\",\"jop\":1}") == "unknown member 'jop'");
    CHECK(refusal("{\"command\":7}") == "member 'command' has the wrong type");
    CHECK(refusal("{\"command\":\"x\",\"paths\":[[256]]}") == "member 'paths' has the wrong type");
    CHECK(refusal("{\"command\":\"x\",\"force\":\"yes\"}") == "member 'force' has the wrong type");
    CHECK(refusal(std::string(100'000, '[')) == "the request is too long or too deep");
    CHECK(refusal("\"" + std::string(longest_request, 'x') + "\"") == "the request is too long or too deep");
}

TEST_CASE("any bytes are a request or not, and nothing else happens") {
    std::mt19937 dice(7);
    const std::string good = without_newline(request_line(full_request()));
    for (int round = 0; round < 20'000; ++round) {
        std::string line = good;
        for (unsigned change = dice() % 4 + 1; change > 0; --change) {
            size_t at = dice() % line.size();
            switch (dice() % 3) {
                case 0: line[at] = static_cast<char>(dice()); break;
                case 1: line.insert(at, 1, "[]{}\",:\\\0"[dice() % 9]); break;
                default: line.erase(at, 1);
            }
        }
        std::string why;
        if (auto request = parse_request(line, why)) {
            CHECK(parse_request(without_newline(request_line(*request)), why) == request);
        } else {
            CHECK_FALSE(why.empty());
        }
    }
}
