// RunSteps: what a run tells of its plan.
#include "base/text.hpp"
#include "engine/run_steps.hpp"

namespace syncline {

/// "on cse", "in b2", "in /mnt/backup".
std::string RunSteps::place_of_remote() const {
    if (job_.remote.type == Destination::Type::ssh) return "on " + escape(job_.remote.name);
    return "in " + (job_.remote.type == Destination::Type::bucket ? escape(job_.remote.name) : remote_->shown());
}

void RunSteps::report_plan() {
    report_.planned = summary_of(plan_);
    report_.done.unchanged = plan_.unchanged;
    report_.left_alone = left_alone_text(plan_.left, policy_, place_of_remote());
    bool is_seen_whole = !is_scoped();
    if (is_seen_whole) report_.ignored = source_listing_.ignored;
    report_.git_left_out = is_seen_whole && source_listing_.git_left_out;
    report_.notes.insert(report_.notes.end(), plan_.notes.begin(), plan_.notes.end());
    if (options_.want_actions) {
        report_.actions = planned_actions(plan_, source_listing_.tree, target_listing_.tree);
    }
}

void RunSteps::report_conflicts() {
    for (const Action& action : plan_.actions) {
        if (action.op != Op::conflict) continue;
        std::string path(action_path(action, source_listing_.tree, target_listing_.tree));
        report_.problems.push_back({std::move(path), "conflict: " + std::string(reason_text(action.reason)) + "; " +
                                                         way_out_of(action.reason, policy_, facts_.command)});
    }
}

}  // namespace syncline
