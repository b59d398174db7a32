#include "engine/system_zone.hpp"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <optional>
#include <string>

#include "fake_engine.hpp"

using namespace syncline;

namespace {

constexpr TimeNs ns = 1'000'000'000;

/// TZ for a while.
class Zone {
  public:
    explicit Zone(const char* name) {
        if (const char* old = std::getenv("TZ")) before_ = old;
        ::setenv("TZ", name, 1);
    }
    ~Zone() { before_ ? ::setenv("TZ", before_->c_str(), 1) : ::unsetenv("TZ"); }
    Zone(const Zone&) = delete;
    Zone& operator=(const Zone&) = delete;

  private:
    std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("the process's zone says when 02:30 comes where the clocks change") {
    SystemZone zone;
    {
        Zone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
        CHECK(zone.utc_offset_s(1'774'746'000 * ns - 1) == 3600);
        CHECK(zone.utc_offset_s(1'774'746'000 * ns) == 7200);
        CHECK(next_occurrence({{{}, 2, 30}}, 1'774'740'000 * ns, zone) == 1'774'746'000 * ns);
    }
    Zone tokyo("JST-9");
    CHECK(zone.utc_offset_s(0) == 9 * 3600);
}
