// RunSteps: what a run tells of its plan.
#include "base/text.hpp"
#include "config/job_rules.hpp"
#include "engine/run_steps.hpp"

namespace syncline {

/// "on cse", "in b2", "in /mnt/backup".
std::string RunSteps::place_of_remote() const {
    if (job_.remote.type == Destination::Type::ssh) return "on " + escape(job_.remote.name);
    return "in " + (job_.remote.type == Destination::Type::bucket ? escape(job_.remote.name) : remote_->shown());
}

/// Once, to a job that an older version knew.
void RunSteps::tell_of_changed_default() {
    constexpr int64_t version_of_change = 5;
    std::string text = options_.plan_only ? "" : changed_default(job_);
    if (text.empty() || !context_.store.tell_once(pair_, version_of_change, "delete")) return;
    report_.notes.push_back({report_.target, std::move(text)});
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
        std::string way_out = way_out_of(action.reason, policy_, facts_.command);
        report_.problems.push_back({std::move(path), "conflict: " + std::string(reason_text(action.reason)) +
                                                         (way_out.empty() ? "" : "; " + way_out)});
    }
}

}  // namespace syncline
