#include "core/planner.hpp"

#include <algorithm>

#include "base/rel_path.hpp"

namespace syncline {

Planner::Planner(const PlanInput& input, Plan& plan)
    : input_(input),
      policy_(input.policy),
      plan_(plan),
      compare_(input, plan.needs),
      incomplete_(input.source_incomplete),
      limits_(input.limits),
      unjudged_(input.unjudged) {}

void Planner::run() {
    bool nothing_known = !input_.source_incomplete.empty() && input_.source_incomplete.front().empty();
    if (nothing_known) return;
    Spot spot;
    while (next(spot)) visit(spot);
    while (!doomed_.empty()) close_last_doomed();
    for (std::vector<Action>* later : {&prune_, &replace_, &late_chmods_}) {
        plan_.actions.insert(plan_.actions.end(), later->begin(), later->end());
    }
}

/// Takes the first path in order that is not yet visited, from whichever of the three have it.
bool Planner::next(Spot& spot) {
    bool has_source = source_at_ < input_.source.size();
    bool has_target = target_at_ < input_.target.size();
    bool has_baseline = baseline_at_ < input_.baseline.size();
    if (!has_source && !has_target && !has_baseline) return false;
    std::string_view source_path = has_source ? input_.source.path(source_at_) : std::string_view{};
    std::string_view target_path = has_target ? input_.target.path(target_at_) : std::string_view{};
    std::string_view baseline_path = has_baseline ? input_.baseline.path(baseline_at_) : std::string_view{};

    std::string_view first = has_source ? source_path : has_target ? target_path : baseline_path;
    auto consider = [&first](bool present, std::string_view path) {
        if (present && path != first && compare_paths(path, first) < 0) first = path;
    };
    consider(has_target, target_path);
    consider(has_baseline, baseline_path);

    spot = Spot{};
    spot.path = first;
    if (has_source && source_path == first) {
        spot.source_index = source_at_++;
        spot.source = &input_.source[spot.source_index];
    }
    if (has_target && target_path == first) {
        spot.target_index = target_at_++;
        spot.target = &input_.target[spot.target_index];
    }
    if (has_baseline && baseline_path == first) spot.baseline = &input_.baseline[baseline_at_++];
    return true;
}

/// Whether the target's entry is a leaf: what a delete of it costs does not show in other deletes.
bool Planner::holds_nothing(const Spot& spot) const {
    if (spot.target->kind != Kind::directory) return true;
    size_t next_index = spot.target_index + size_t{1};
    return next_index >= input_.target.size() || !is_at_or_below(input_.target.path(next_index), spot.path);
}

bool Planner::is_out_of_scope(const Spot& spot) {
    if (input_.limits.empty() || limits_.covers(spot.path)) return false;
    bool on_the_way =
        limits_.leads_to_next(spot.path) && spot.source != nullptr && spot.source->kind == Kind::directory;
    return !on_the_way;
}

/// A pull makes no link by which somebody else could lead it elsewhere.
bool Planner::refuses_link(const Spot& spot) const {
    if (policy_.direction == Direction::push || spot.source->kind != Kind::symlink) return false;
    if (input_.pull_links == PullLinks::all) return false;
    return input_.pull_links == PullLinks::refuse || !link_stays_inside(spot.path, input_.source.link(*spot.source));
}

void Planner::visit(const Spot& spot) {
    close_doomed_before(spot.path);
    if (spot.target != nullptr && !spot.target->has(unselected) && holds_nothing(spot)) ++plan_.target_files;
    if (is_out_of_scope(spot)) return;
    if (skipped_ && is_at_or_below(spot.path, *skipped_)) return;
    if (unjudged_.covers(spot.path)) return keep_target(spot);
    frozen_ = incomplete_.covers(spot.path);
    if (spot.source != nullptr && (spot.source->kind == Kind::special || spot.source->has(unselected))) {
        if (spot.source->kind == Kind::special) {
            plan_.notes.push_back({std::string(spot.path), "a socket, FIFO or device; not synced"});
        }
        keep_target(spot);
        return skip_below(spot.path);
    }
    if (spot.source != nullptr && spot.target != nullptr) return visit_both(spot);
    if (spot.source != nullptr) return visit_source_only(spot);
    if (spot.target != nullptr) return visit_target_only(spot);
    visit_neither(spot);
}

void Planner::visit_neither(const Spot& spot) {
    bool may_be_there = frozen_ || (unlisted_ && is_at_or_below(spot.path, *unlisted_));
    if (!may_be_there) plan_.gone.emplace_back(spot.path);
}

void Planner::visit_source_only(const Spot& spot) {
    if (policy_.direction == Direction::pull) {
        if (refuses_link(spot)) return conflict(spot, Reason::remote_symlink);
        if (policy_.pull == PullPolicy::generated) {
            if (spot.source->kind != Kind::directory) ++plan_.left.missing;
            return;
        }
    }
    create(spot, Reason::missing_on_target, Phase::build);
}

void Planner::visit_both(const Spot& spot) {
    if (refuses_link(spot) && compare_.source_equals_target(spot) != Answer::yes) {
        conflict(spot, Reason::remote_symlink);
        return skip_below(spot.path);
    }
    bool may_touch_existing = policy_.direction == Direction::push || policy_.pull == PullPolicy::update ||
                              policy_.pull == PullPolicy::mirror;
    if (may_touch_existing) return compare_and_put(spot);
    pull_over_existing(spot);
}

/// The modes `generated` and `missing`, which leave nearly everything alone that exists, and so need not read it.
void Planner::pull_over_existing(const Spot& spot) {
    const Entry& source = *spot.source;
    const Entry& target = *spot.target;
    bool both_files = source.kind == Kind::file && target.kind == Kind::file;
    bool known_equal =
        !both_files || (source.has(has_digest) && target.has(has_digest) && source.digest == target.digest);
    bool forced = policy_.force && both_files;
    if (source.kind == target.kind && known_equal && !forced) {
        if (both_files || compare_.source_equals_target(spot) == Answer::yes) keep_equal(spot);
        return;
    }
    if (policy_.pull == PullPolicy::generated) {
        Answer is_marked = both_files ? compare_.target_is_generated(spot) : Answer::no;
        if (is_marked == Answer::yes) return compare_and_put(spot);
        if (is_marked == Answer::no) count_left_alone(spot);
        return;
    }
    if (source.kind != Kind::directory) return count_left_alone(spot);
    conflict(spot, Reason::replaces_other_kind);  // what is below it cannot be created
    skip_below(spot.path);
}

void Planner::compare_and_put(const Spot& spot) {
    Answer equal = compare_.source_equals_target(spot);
    if (equal == Answer::unknown) return;
    if (equal == Answer::no) return overwrite(spot);
    if (policy_.force && spot.source->kind == Kind::file && !frozen_) return create(spot, Reason::forced, Phase::build);
    keep_equal(spot);
}

void Planner::overwrite(const Spot& spot) {
    if (frozen_) {
        if (spot.source->kind == Kind::directory) skip_below(spot.path);
        return;
    }
    if (spot.source->kind == Kind::directory || spot.target->kind == Kind::directory) return replace_across_kinds(spot);
    if (spot.target->has(unselected)) return conflict(spot, Reason::blocked_by_kept_entries);
    std::optional<Former> former = may_overwrite(spot);
    if (!former) return;
    Reason reason = spot.source->kind != spot.target->kind ? Reason::kind_differs
                    : spot.source->kind == Kind::symlink   ? Reason::link_differs
                                                           : Reason::content_differs;
    create(spot, reason, Phase::build, *former);
}

/// A directory on one side, something else on the other. Counts as the deletes it implies.
void Planner::replace_across_kinds(const Spot& spot) {
    bool deletes_nothing = policy_.direction == Direction::push ? policy_.delete_policy == DeletePolicy::never
                                                                : policy_.pull == PullPolicy::update;
    if (deletes_nothing && !policy_.adopt) {
        conflict(spot, Reason::replaces_other_kind);
        return skip_below(spot.path);
    }
    if (spot.target->kind == Kind::directory) {
        // A put that fails must not cost what it was to replace, so its content is read before anything goes.
        if (spot.source->kind == Kind::file && !compare_.require_source_digest(spot)) return skip_below(spot.path);
        bool is_given_away = (policy_.is_mirror() || policy_.adopt) && !spot.target->has(unselected);
        bool removable = is_removable(spot) || is_given_away;
        doom(spot, true, removable);
        return;
    }
    if (spot.target->has(unselected)) {
        conflict(spot, Reason::blocked_by_kept_entries);
        return skip_below(spot.path);
    }
    std::optional<Former> former = may_overwrite(spot);
    if (!former) return skip_below(spot.path);
    if (is_kept_by_synced(spot)) {
        conflict(spot, Reason::replaces_other_kind);
        return skip_below(spot.path);
    }
    count_delete(spot);
    create(spot, Reason::kind_differs, Phase::build, *former);
}

/// What would be overwritten; nothing when it is to be left alone, which is said then, or when more must be read first.
std::optional<Former> Planner::may_overwrite(const Spot& spot) {
    if (policy_.overwrites_changes()) return former_of(spot);
    if (spot.baseline == nullptr) {
        conflict(spot, Reason::differs_and_never_synced);
        return std::nullopt;
    }
    Answer ours = compare_.target_equals_baseline(spot);
    if (ours == Answer::yes) return Former::recorded;
    if (ours == Answer::unknown) return std::nullopt;
    Answer source_unchanged = compare_.source_equals_baseline(spot);
    if (source_unchanged == Answer::no) conflict(spot, Reason::changed_on_both_sides);
    if (source_unchanged == Answer::yes) {
        plan_.notes.push_back({std::string(spot.path), "changed on the target since the last sync; left alone"});
        ++plan_.left.differing;
    }
    return std::nullopt;
}

/// Nothing when the target must be read to tell.
std::optional<Former> Planner::former_of(const Spot& spot) {
    if (spot.baseline == nullptr) return Former::never_seen;
    Answer ours = compare_.target_equals_baseline(spot);
    if (ours == Answer::no) return Former::changed;
    bool cannot_tell = ours == Answer::unknown && !spot.target->has(unreadable);
    return cannot_tell ? std::nullopt : std::optional(Former::recorded);
}

/// The job did not put it there, so `synced` must not remove it.
bool Planner::is_kept_by_synced(const Spot& spot) const {
    bool is_synced = policy_.direction == Direction::push && policy_.delete_policy == DeletePolicy::synced;
    return is_synced && !policy_.force && !policy_.adopt && (spot.baseline == nullptr || spot.baseline->found_there);
}

bool Planner::is_removable(const Spot& spot) {
    if (frozen_ || spot.target->has(pinned)) return false;
    bool is_push_mirror = policy_.direction == Direction::push && policy_.is_mirror();
    if (spot.target->has(unselected)) return is_push_mirror && policy_.delete_excluded;
    if (policy_.is_mirror()) return !is_kept_rule_file(spot);
    if (policy_.adopt && makes_room()) return true;
    if (policy_.direction == Direction::pull || policy_.delete_policy != DeletePolicy::synced) return false;
    if (spot.baseline == nullptr || spot.baseline->found_there) return false;
    if (policy_.adopt) return true;
    Answer ours = compare_.target_equals_baseline(spot);
    if (ours == Answer::no) {
        plan_.notes.push_back({std::string(spot.path), "gone from the source, but changed on the target; kept"});
    }
    return ours == Answer::yes;
}

/// Whether the path just visited is in a directory that is to be replaced.
bool Planner::makes_room() const {
    return std::ranges::any_of(doomed_, [](const Doomed& doomed) { return doomed.replaced; });
}

/// Without it what it ignores would be selected, and go with the next pull.
bool Planner::is_kept_rule_file(const Spot& spot) {
    bool is_rule_file = policy_.direction == Direction::pull &&
                        std::ranges::find(input_.rule_files, last_name(spot.path)) != input_.rule_files.end();
    if (is_rule_file) {
        plan_.notes.push_back({std::string(spot.path), "not on the remote side, but it decides what is ignored; kept"});
    }
    return is_rule_file;
}

void Planner::visit_target_only(const Spot& spot) {
    const Entry& target = *spot.target;
    bool is_directory = target.kind == Kind::directory;
    if (target.has(unselected) && is_directory) unlisted_ = spot.path;
    bool removable = is_removable(spot);
    if (is_directory) {
        doom(spot, false, removable);
        return;
    }
    if (!removable) {
        bool is_left =
            policy_.direction == Direction::push && !policy_.is_mirror() && !target.has(unselected) && !frozen_;
        if (is_left) ++plan_.left.extra;
        return keep_target(spot);
    }
    Reason reason = target.has(unselected) ? Reason::excluded_from_source
                    : makes_room()         ? Reason::replaced_by_other_kind
                                           : Reason::gone_from_source;
    prune(Op::remove, reason, spot);
}

void Planner::doom(const Spot& spot, bool replaced, bool removable) {
    doomed_.push_back({spot, replaced, removable, prune_.size(), plan_.deletes, plan_.unrecorded_deletes});
}

void Planner::count_delete(const Spot& spot) {
    ++plan_.deletes;
    if (spot.baseline == nullptr) ++plan_.unrecorded_deletes;
}

void Planner::prune(Op op, Reason reason, const Spot& spot) {
    Former former = spot.baseline == nullptr ? Former::never_seen : Former::recorded;
    prune_.push_back({op, reason, Phase::prune, 0, Tree::none, spot.target_index, former});
    if (holds_nothing(spot)) count_delete(spot);
}

void Planner::keep_target(const Spot& spot) {
    if (spot.target != nullptr && !doomed_.empty()) doomed_.back().removable = false;
}

void Planner::close_doomed_before(std::string_view path) {
    while (!doomed_.empty() && !is_at_or_below(path, doomed_.back().spot.path)) close_last_doomed();
}

void Planner::close_last_doomed() {
    Doomed closed = doomed_.back();
    doomed_.pop_back();
    if (!closed.replaced) {
        if (!closed.removable) return keep_target(closed.spot);
        Reason reason = closed.spot.target->has(unselected) ? Reason::excluded_from_source : Reason::gone_from_source;
        return prune(Op::rmdir, reason, closed.spot);
    }
    if (closed.removable) return create(closed.spot, Reason::kind_differs, Phase::replace);
    prune_.resize(closed.first_prune);
    plan_.deletes = closed.deletes_before;
    plan_.unrecorded_deletes = closed.unrecorded_before;
    conflict(closed.spot, Reason::blocked_by_kept_entries);
}

void Planner::create(const Spot& spot, Reason reason, Phase phase, Former former) {
    const Entry& source = *spot.source;
    Op op = source.kind == Kind::directory ? Op::mkdir : source.kind == Kind::symlink ? Op::symlink : Op::put;
    uint16_t mode = target_mode(policy_, op == Op::mkdir, source.mode);
    Action action{op, reason, phase, mode, spot.source_index, spot.target_index, former};
    constexpr uint16_t owner_access = 0700;
    if (op == Op::mkdir && (mode & owner_access) != owner_access) {
        // It must stay open to us until what belongs in it is there.
        late_chmods_.push_back({Op::chmod, Reason::mode_differs, Phase::finish, mode, spot.source_index, Tree::none});
        action.mode = mode | owner_access;
    }
    (phase == Phase::build ? plan_.actions : replace_).push_back(action);
    if (op == Op::put) plan_.bytes += source.stamp.size;
}

void Planner::conflict(const Spot& spot, Reason reason) {
    plan_.actions.push_back({Op::conflict, reason, Phase::build, 0, spot.source_index, spot.target_index});
    keep_target(spot);
}

}  // namespace syncline
