// RunSteps: what the guards judge, and what a run to a bucket leaves alone without them.
#include <algorithm>

#include "base/text.hpp"
#include "engine/run_steps.hpp"

namespace syncline {

Task<void> RunSteps::fill_guard_facts_of_listings() {
    auto is_selected = [](const Entry& entry) { return !entry.has(unselected); };
    facts_.selected_entries = static_cast<size_t>(std::ranges::count_if(source_listing_.tree.entries(), is_selected));
    facts_.baseline_size = std::max(baseline_.size(), reverse_rows_);
    bool selects_little_on_purpose = options_.narrowed && plan_.deletes == 0;
    if (selects_little_on_purpose) facts_.baseline_size = 0;
    facts_.target_listed_whole = target_listing_.incomplete.empty();
    if (!target_listing_.problems.empty()) {
        const Problem& first = target_listing_.problems.front();
        facts_.target_listing_detail = escape(first.path) + ": " + first.why;
    }
    facts_.watcher_required = is_to_bucket();
    bool source_root_unknown = !source_incomplete_.empty() && source_incomplete_.front().empty();
    if (source_root_unknown) facts_.baseline_size = 0;  // not empty, but unreadable: reported as a problem
    if (is_scoped()) co_await fill_guard_facts_of_scope();
}

/// The guards judge whole trees, of which only a part was listed.
Task<void> RunSteps::fill_guard_facts_of_scope() {
    std::optional<PairRecord> record = context_.store.find(key_);
    size_t rows = record ? record->baseline_rows : 0;
    plan_.target_files = std::max<uint64_t>(plan_.target_files, rows);
    bool is_judged = facts_.baseline_size != 0 && plan_.deletes > 0;
    facts_.baseline_size = is_judged ? std::max(rows, reverse_rows_) : 0;
    bool may_be_empty = is_judged && facts_.selected_entries == 0;
    if (!may_be_empty) co_return;
    bool selects = co_await source().selects_anything(list_request(false));
    if (selects) facts_.selected_entries = 1;
}

/// The guards count what would be done.
void RunSteps::withhold_beside_what_failed() {
    if (failed_.empty()) return;
    for (std::string& path : withhold_beside(plan_, target_listing_.tree, failed_)) {
        std::string why = why_withheld(*failed_.beside(path), policy_.adopt);
        report_.problems.push_back({std::move(path), std::move(why)});
    }
}

/// Without a live watcher a run to a bucket that would delete halts; with one it may do what that saw.
void RunSteps::withhold_what_nobody_saw_go() {
    bool is_judged = is_to_bucket() && options_.watch != nullptr && !policy_.adopt;
    if (!is_judged) return;
    constexpr size_t most_notes = 1000;
    std::vector<std::string> kept = withhold_unseen(plan_, target_listing_.tree, options_.gone);
    std::string remedy = "; to remove it there: " + facts_.command + " --adopt";
    for (size_t i = 0; i < std::min(kept.size(), most_notes); ++i) {
        plan_.notes.push_back(
            {kept[i], "is missing here, but the watcher did not see it go; kept in " + target().shown() + remedy});
    }
    if (kept.size() <= most_notes) return;
    plan_.notes.push_back({"", "and " + std::to_string(kept.size() - most_notes) + " more like it"});
}

}  // namespace syncline
