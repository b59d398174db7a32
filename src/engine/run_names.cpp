// RunSteps: a target that does not tell names apart which differ only in case.
#include "engine/run_steps.hpp"

namespace syncline {

/// From here on both trees and the baseline are spelled as the source spells them.
void RunSteps::fold_names() {
    if (!folds_names_) return;
    Tree& source = source_listing_.tree;
    folded_ = fold_sides(source, target_listing_.tree, baseline_);
    for (uint32_t top : folded_.colliding) {
        auto [first, last] = source.range_below(source.path(top));
        source.set_flag(top, unselected);
        for (size_t i = first; i < last; ++i) source.set_flag(i, unselected);
    }
    if (folded_.moves.empty()) return;
    target_listing_.tree = std::move(folded_.target);
    baseline_ = std::move(folded_.baseline);
    if (!options_.checksum) recall_digests(baseline_, source, target_listing_.tree);
}

/// The rows follow the names that the target has by now.
void RunSteps::record_respelled_rows() {
    for (const RespelledRow& respelled : folded_.rows) {
        BaselineEntry row = baseline_[respelled.row];
        row.set_target(Stamp{});  // its ctime is another now
        std::string path(baseline_.path(respelled.row));
        std::string link(baseline_.link(baseline_[respelled.row]));
        recorder_->add_removed(respelled.from);
        recorder_->add_row({std::move(path), row, std::move(link)});
    }
}

}  // namespace syncline
