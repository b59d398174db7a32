// RunSteps: what earlier runs left on the target under names of syncline's own, which comes before all else.
#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "engine/run_steps.hpp"

namespace syncline {
namespace {

std::string what_was_kept(const TakenAside& item) {
    return "somebody changed it while a run that was killed replaced or removed it; that is kept as " +
           escape(last_name(item.kept_as)) + ": look at it, then rename or remove it";
}

}  // namespace

/// The locks of the state do not keep those away who have another state.
Task<void> RunSteps::claim_target() {
    std::string why_not = co_await target().claim();
    if (!why_not.empty()) report_.notes.push_back({target().shown(), why_not});
}

/// A run that was killed may have left somebody's work under a name of ours. It is looked at again once it is back.
Task<void> RunSteps::settle_what_was_taken_aside() {
    bool may_not = options_.plan_only || target_listing_.taken_aside.empty() || !judge_roots(facts_, policy_).empty();
    if (may_not) co_return;
    std::vector<TakenAside> items =
        trace_taken_aside(target_listing_.taken_aside, source_listing_.tree, target_listing_.tree, baseline_);
    co_await target().settle(items);
    for (const TakenAside& item : items) note_settled(item);
    co_await list_side(target(), true, target_listing_);
    if (!options_.checksum) recall_digests(baseline_, source_listing_.tree, target_listing_.tree);
}

void RunSteps::note_settled(const TakenAside& item) {
    const std::string& told = item.original.empty() ? item.path : item.original;
    switch (item.fate) {
        case TakenAside::Fate::removed: break;
        case TakenAside::Fate::left:
            if (!item.error.empty()) report_.problems.push_back({told, item.error});
            break;
        case TakenAside::Fate::kept: report_.problems.push_back({told, what_was_kept(item)}); break;
        case TakenAside::Fate::put_back:
            given_back_.push_back(item.original);
            report_.problems.push_back({told,
                                        "somebody changed it while a run that was killed replaced or removed it; it is "
                                        "back in its place, and left alone by this run"});
            break;
    }
}

/// Names of syncline's own are never synced, which a person who has such files should know.
void RunSteps::note_own_names() {
    for (const std::vector<std::string>* paths : {&source_listing_.leftovers, &source_listing_.taken_aside}) {
        for (const std::string& path : *paths)
            report_.notes.push_back({path, "has the name of a file that syncline has in the making; not synced"});
    }
    for (const std::string& path : target_listing_.taken_aside) {
        report_.notes.push_back({path,
                                 "was taken aside by a run that was killed, and may be somebody's work; the next "
                                 "run settles it"});
    }
    for (const std::vector<std::string>* paths : {&source_listing_.kept, &target_listing_.kept}) {
        for (const std::string& path : *paths)
            report_.notes.push_back({path, "was kept when a run was killed; not synced. Rename or remove it"});
    }
}

}  // namespace syncline
