// Planner: what becomes of entries that are equal on both sides: their rows, modes and times.
#include <cstdlib>

#include "core/planner.hpp"

namespace syncline {
namespace {

bool is_row_current(const Spot& spot, std::string_view source_link, std::string_view recorded_link, bool is_push) {
    const BaselineEntry& row = *spot.baseline;
    const Entry& source = *spot.source;
    if (row.kind != source.kind || row.mount_point != source.has(mount_point)) return false;
    if (row.kind == Kind::symlink) return source_link == recorded_link;
    if (row.kind != Kind::file) return true;
    bool mode_is_recorded = row.source_mode_known && row.source_executable == BaselineEntry::is_executable(source.mode);
    if (is_push && !mode_is_recorded) return false;
    return row.digest == source.digest && row.source_stamp() == source.stamp &&
           row.target_stamp() == spot.target->stamp;
}

/// At the target's precision: some file systems keep whole seconds, some every second one.
bool is_same_time(TimeNs source, TimeNs target) {
    TimeNs step = target % (2 * ns_per_second) == 0 ? 2 * ns_per_second
                  : target % ns_per_second == 0     ? ns_per_second
                                                    : 1;
    return std::abs(source - target) < step;
}

/// Whether the target had what it has now before this job put anything there. Content that is not the recorded one
/// came from somebody else, though it equals the source.
bool is_found_there(const Spot& spot, std::string_view target_link, std::string_view recorded_link) {
    if (spot.baseline == nullptr || spot.baseline->found_there || spot.baseline->kind != spot.target->kind) return true;
    if (spot.target->kind == Kind::symlink) return target_link != recorded_link;
    return spot.target->kind == Kind::file && spot.baseline->digest != spot.target->digest;
}

}  // namespace

void Planner::keep_equal(const Spot& spot) {
    const Entry& source = *spot.source;
    ++plan_.unchanged;
    std::string_view recorded_link = spot.baseline == nullptr ? "" : input_.baseline.link(*spot.baseline);
    bool recorded = spot.baseline != nullptr && is_row_current(spot, input_.source.link(source), recorded_link,
                                                               policy_.direction == Direction::push);
    // A mount that vanished must be missed in every run, not in the next one only: its row stays as it is.
    bool is_missed_mount =
        frozen_ && spot.baseline != nullptr && spot.baseline->mount_point && !source.has(mount_point);
    uint16_t mode = mode_to_be(spot);
    bool mode_follows = mode != (spot.target->mode & 07777);
    bool time_follows = time_is_to_follow(spot);
    if (!recorded && !is_missed_mount) {
        bool found_there = is_found_there(spot, input_.target.link(*spot.target), recorded_link);
        plan_.equal.push_back({spot.source_index, spot.target_index, found_there, mode_follows || time_follows});
    }
    if (mode_follows || time_follows) follow(spot, mode, time_follows);
}

/// Of an entry that is equal: the target's own where nothing is to change it.
uint16_t Planner::mode_to_be(const Spot& spot) const {
    const Entry& source = *spot.source;
    const uint16_t now = spot.target->mode & 07777;
    if (policy_.direction == Direction::pull || source.kind == Kind::symlink || frozen_) return now;
    bool is_directory = source.kind == Kind::directory;
    if (policy_.permissions == PermissionPolicy::preserve) return target_mode(policy_, is_directory, source.mode);
    // Only what was changed in the source follows it: the target's users may have their own reasons.
    constexpr uint16_t execute = 0100;
    bool is_known = !is_directory && spot.baseline != nullptr && spot.baseline->source_mode_known;
    bool was_changed = is_known && spot.baseline->source_executable != BaselineEntry::is_executable(source.mode);
    bool is_there_already = (now & execute) == (source.mode & execute);
    return was_changed && !is_there_already ? (now ^ execute) & 0777 : now;
}

bool Planner::time_is_to_follow(const Spot& spot) const {
    if (!input_.follows_times || spot.source->kind != Kind::file || spot.baseline == nullptr || frozen_) return false;
    TimeNs recorded = spot.baseline->source_mtime, now = spot.source->stamp.mtime;
    bool was_changed = recorded != 0 && recorded != now;
    return was_changed && !is_same_time(now, spot.target->stamp.mtime);
}

void Planner::follow(const Spot& spot, uint16_t mode, bool time_follows) {
    // A directory that loses its write bit loses it after what is in it was written and removed.
    bool is_late = spot.source->kind == Kind::directory;
    bool mode_follows = mode != (spot.target->mode & 07777);
    Action action{time_follows ? Op::touch : Op::chmod,
                  !time_follows  ? Reason::mode_differs
                  : mode_follows ? Reason::time_and_mode_differ
                                 : Reason::time_differs,
                  is_late ? Phase::finish : Phase::build,
                  mode,
                  spot.source_index,
                  spot.target_index};
    (is_late ? late_chmods_ : plan_.actions).push_back(action);
}

}  // namespace syncline
