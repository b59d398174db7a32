// Bytes that were a job file once: the parser must answer each with a job file or with diagnostics, and with nothing
// else. The long version of this is tests/fuzz.
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>
#include <random>

#include "base/text.hpp"
#include "fixture.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

std::string example_text() {
    std::ifstream file(SYNCLINE_SOURCE_ROOT "/jobs.example.toml", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class Mutator {
  public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::string mutate(std::string text) {
        for (size_t changes = 1 + below(4); changes > 0; --changes) change(text);
        return text;
    }

  private:
    size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }

    void change(std::string& text) {
        static constexpr std::string_view likely = "[]{}=\"'.,\\\n#0-${}~:\x00\xff\xc3";
        if (text.empty()) text = "x";
        size_t at = below(text.size());
        switch (below(5)) {
            case 0: text[at] = static_cast<char>(below(256)); break;
            case 1: text[at] = likely[below(likely.size())]; break;
            case 2: text.erase(at, 1 + below(20)); break;
            case 3: text.insert(at, 1 + below(3), likely[below(likely.size())]); break;
            case 4: text.insert(at, text.substr(below(text.size()), below(60))); break;
        }
    }

    std::mt19937 random_;
};

}  // namespace

TEST_CASE("damaged job files yield diagnostics, never a crash") {
    constexpr unsigned seed = 20'260'101;
    constexpr int rounds = 20'000;
    const std::string example = example_text();
    REQUIRE_FALSE(example.empty());
    ParseEnvironment environment = make_environment();
    environment.resolve = [](const std::string& path) { return path; };
    Mutator mutator(seed);
    for (int round = 0; round < rounds; ++round) {
        std::string text = mutator.mutate(example);
        ParseOutcome outcome = parse_job_file(text, "/project/jobs.toml", environment);
        bool consistent = outcome.file.has_value() == outcome.errors.empty();
        for (const Diagnostic& error : outcome.errors)
            consistent = consistent && error.line > 0 && is_utf8(error.text());
        INFO("seed " << seed << ", round " << round << ": " << escape(text));
        if (!consistent) FAIL("neither a job file nor diagnostics");
    }
}
