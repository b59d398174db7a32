// Planner: the one walk along source, target and baseline that makes a plan. Used by make_plan alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/compare.hpp"
#include "core/path_cursor.hpp"
#include "core/plan.hpp"

namespace syncline {

class Planner {
  public:
    Planner(const PlanInput& input, Plan& plan);
    void run();

  private:
    /// A directory of the target that is to go, or to be replaced, if all that is in it may go. Its contents follow at
    /// once in path order, so a stack of these is enough.
    struct Doomed {
        Spot spot;
        bool replaced = false;  ///< by what spot.source is; otherwise removed
        bool removable = true;
        size_t first_prune = 0;  ///< actions and deletes to take back when it is not
        uint64_t deletes_before = 0, unrecorded_before = 0;
    };

    bool next(Spot& spot);
    void visit(const Spot& spot);
    bool is_out_of_scope(const Spot& spot);
    bool refuses_link(const Spot& spot) const;
    bool holds_nothing(const Spot& spot) const;

    // One path, by where it is present.
    void visit_source_only(const Spot& spot);
    void visit_target_only(const Spot& spot);
    void visit_both(const Spot& spot);
    void visit_neither(const Spot& spot);

    void pull_over_existing(const Spot& spot);
    void count_left_alone(const Spot& spot);
    void compare_and_put(const Spot& spot);
    void overwrite(const Spot& spot);
    void replace_across_kinds(const Spot& spot);
    std::optional<Former> may_overwrite(const Spot& spot);
    std::optional<Former> former_of(const Spot& spot);
    void keep_equal(const Spot& spot);
    uint16_t mode_to_be(const Spot& spot) const;
    bool time_is_to_follow(const Spot& spot) const;
    void follow(const Spot& spot, uint16_t mode, bool time_follows);

    /// Whether the target's entry may be removed, judged by itself.
    bool is_removable(const Spot& spot);
    bool is_kept_by_synced(const Spot& spot) const;
    void doom(const Spot& spot, bool replaced, bool removable);
    void count_delete(const Spot& spot);
    void prune(Op op, Reason reason, const Spot& spot);
    bool makes_room() const;
    bool is_kept_rule_file(const Spot& spot);
    void close_doomed_before(std::string_view path);
    void close_last_doomed();
    void keep_target(const Spot& spot);

    void create(const Spot& spot, Reason reason, Phase phase, Former former = Former::recorded);
    void conflict(const Spot& spot, Reason reason);
    /// Nothing below `path` is planned any more.
    void skip_below(std::string_view path) { skipped_ = path; }

    const PlanInput& input_;
    const Policy& policy_;
    Plan& plan_;
    Comparison compare_;
    PathCursor incomplete_;
    PathCursor limits_;
    PathCursor unjudged_;
    std::vector<Action> prune_, replace_, late_chmods_;
    std::vector<Doomed> doomed_;
    std::optional<std::string_view> skipped_;
    std::optional<std::string_view> unlisted_;  ///< an unselected directory of the target
    bool frozen_ = false;  ///< the source is not known here: create, but neither replace nor remove
    uint32_t source_at_ = 0, target_at_ = 0, baseline_at_ = 0;
};

}  // namespace syncline
