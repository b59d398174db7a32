#include "core/planner.hpp"

namespace syncline {
namespace {

/// "3 files are", "1 file is".
std::string files_are(uint64_t count) { return std::to_string(count) + (count == 1 ? " file is" : " files are"); }

/// The way out is of one run.
std::string rule_text(const LeftAlone& left, const Policy& policy) {
    std::string them = left.missing + left.differing + left.extra == 1 ? "it" : "them";
    if (policy.direction == Direction::pull) {
        std::string ways =
            policy.pull == PullPolicy::generated ? "--missing, --update, --overwrite" : "--update, --overwrite";
        return "pull = " + std::string(policy_name(policy.pull)) + " leaves " + them + " (see " + ways + ")";
    }
    std::string removal = "delete = " + std::string(policy_name(policy.delete_policy));
    std::string replacement = "overwrite = " + std::string(policy_name(policy.overwrite));
    if (left.differing == 0) return removal + " leaves " + them + " (see --delete)";
    if (left.extra == 0) return replacement + " leaves " + them + " (see --overwrite)";
    return removal + " and " + replacement + " leave them (see --delete, --overwrite)";
}

}  // namespace

/// Of files of equal size it takes reading to know whether they differ.
void Planner::count_left_alone(const Spot& spot) {
    if (spot.source->kind == Kind::directory && spot.target->kind == Kind::directory) return;
    bool is_known = spot.source->kind != spot.target->kind || spot.source->stamp.size != spot.target->stamp.size ||
                    (spot.source->has(has_digest) && spot.target->has(has_digest));
    if (!is_known && !input_.compares_what_it_leaves) return;
    Answer equal = compare_.source_equals_target(spot);
    if (equal == Answer::no) ++plan_.left.differing;
    if (equal == Answer::yes) keep_equal(spot);
}

std::string left_alone_text(const LeftAlone& left, const Policy& policy, std::string_view there) {
    std::string text;
    auto add = [&text](const std::string& part) { text.append(text.empty() ? "" : ", ").append(part); };
    uint64_t only_there = left.missing + left.extra;
    if (only_there > 0) add(files_are(only_there) + " only " + std::string(there));
    if (left.differing > 0) {
        std::string noun = text.empty() ? left.differing == 1 ? " file" : " files" : "";
        add(std::to_string(left.differing) + noun + (left.differing == 1 ? " differs" : " differ"));
    }
    if (!text.empty()) text += ": " + rule_text(left, policy);
    if (left.withheld > 0) {
        text += (text.empty() ? "" : "; ") + std::to_string(left.withheld) +
                (left.withheld == 1 ? " delete is" : " deletes are") + " withheld, as no watcher saw " +
                (left.withheld == 1 ? "it" : "them") + " go (see --delete)";
    }
    return text;
}

}  // namespace syncline
