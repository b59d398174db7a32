// Modes and times of files that are equal: what follows the source, and what stays as the target has it.
#include <catch2/catch_test_macros.hpp>

#include "world.hpp"

using namespace syncline;
using namespace syncline::test;

namespace {

struct Followed {
    uint16_t source_mode = 0644, target_mode = 0644;
    TimeNs source_time = 1000, target_time = 1000;
    bool known_mode = true;
    bool is_executable = false;  ///< at the last sync
    PermissionPolicy permissions = PermissionPolicy::owner;
    Direction direction = Direction::push;
};

/// What becomes of an equal file that was synced with mode 0644 and time 1000: "op mode", and whether its row waits.
std::string followed(const Followed& world) {
    auto tree = [](uint16_t mode, TimeNs time) {
        TreeBuilder builder;
        Entry entry = entry_of('A', true);
        entry.mode = mode;
        entry.stamp = {10, time, time, 7};
        builder.add("f", entry);
        return builder.finish();
    };
    Tree source = tree(world.source_mode, world.source_time), target = tree(world.target_mode, world.target_time);
    Baseline baseline;
    BaselineEntry row;
    row.size = 10;
    row.digest = digest_of('A');
    row.set_source({10, 1000, 1000, 7});
    row.set_target({10, 1000, 1000, 7});
    if (world.known_mode) row.set_source_mode(world.is_executable ? 0755 : 0644);
    baseline.add("f", row);
    Policy policy;
    policy.direction = world.direction;
    policy.pull = PullPolicy::update;
    policy.permissions = world.permissions;
    const std::vector<std::string> nothing;
    PlanInput input{source, target, baseline, policy, nothing, nothing};
    input.follows_times = true;
    Plan plan = make_plan(input);
    std::string text;
    for (const Action& action : plan.actions) {
        text += std::string(op_name(action.op)) + " " + std::to_string(action.mode / 64 % 8) + ": " +
                std::string(reason_text(action.reason));
    }
    for (const EqualPair& pair : plan.equal) text += pair.awaits_action ? ", recorded then" : "recorded";
    return text;
}

}  // namespace

TEST_CASE("the owner's execute bit follows where the source's was changed, and only there") {
    CHECK(followed({}) == "");
    CHECK(followed({.source_mode = 0755}) == "chmod 7: mode differs, recorded then");
    CHECK(followed({.source_mode = 0644, .target_mode = 0755, .is_executable = true}) ==
          "chmod 6: mode differs, recorded then");
    CHECK(followed({.source_mode = 0755, .target_mode = 0700}) == "recorded");
    CHECK(followed({.source_mode = 0600, .target_mode = 0666}) == "");
    CHECK(followed({.target_mode = 0755}) == "");  // made executable there, by somebody who needs it so
    CHECK(followed({.source_mode = 0755, .known_mode = false}) == "recorded");
    CHECK(followed({.source_mode = 0755, .direction = Direction::pull}) == "");
}

TEST_CASE("the target's time follows where the source's was changed, and only there") {
    CHECK(followed({.target_time = 5000}) == "recorded");
    CHECK(followed({.source_time = 5000}) == "touch 6: time differs, recorded then");
    CHECK(followed({.source_time = 5000, .target_time = 5000}) == "recorded");
    CHECK(followed({.source_time = 5000, .direction = Direction::pull}) == "touch 6: time differs, recorded then");
    CHECK(followed({.source_mode = 0755, .source_time = 5000}) == "touch 7: time and mode differ, recorded then");
    CHECK(followed({.source_mode = 0755, .source_time = 5000, .permissions = PermissionPolicy::preserve}) ==
          "touch 7: time and mode differ, recorded then");
    // At the target's precision.
    constexpr TimeNs second = 1'000'000'000;
    CHECK(followed({.source_time = 7 * second + 5, .target_time = 7 * second}) == "recorded");
    CHECK(followed({.source_time = 9 * second + 5, .target_time = 8 * second}) == "recorded");
    CHECK(followed({.source_time = 9 * second + 5, .target_time = 7 * second}) ==
          "touch 6: time differs, recorded then");
}
