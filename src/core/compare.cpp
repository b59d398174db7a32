#include "core/compare.hpp"

namespace syncline {
namespace {

Answer answer(bool value) { return value ? Answer::yes : Answer::no; }

/// Asks for the digest unless it is known or known not to be had.
void want_digest(const Entry& entry, uint32_t index, std::vector<uint32_t>& needed) {
    if (!entry.has(has_digest) && !entry.has(unreadable)) needed.push_back(index);
}

}  // namespace

Answer Comparison::source_equals_target(const Spot& spot) {
    const Entry& source = *spot.source;
    const Entry& target = *spot.target;
    if (source.kind != target.kind) return Answer::no;
    if (source.kind == Kind::directory) return Answer::yes;
    if (source.kind == Kind::symlink) return answer(input_.source.link(source) == input_.target.link(target));
    if (source.kind == Kind::special || source.stamp.size != target.stamp.size) return Answer::no;
    if (source.has(has_digest) && target.has(has_digest)) return answer(source.digest == target.digest);
    want_digest(source, spot.source_index, needs_.source_digests);
    want_digest(target, spot.target_index, needs_.target_digests);
    return Answer::unknown;
}

Answer Comparison::equals_baseline(const Entry& entry, std::string_view link, const BaselineEntry& known,
                                   uint32_t index, std::vector<uint32_t>& needed) {
    if (entry.kind != known.kind) return Answer::no;
    if (entry.kind == Kind::directory) return Answer::yes;
    if (entry.kind == Kind::symlink) return answer(link == input_.baseline.link(known));
    if (entry.stamp.size != known.size) return Answer::no;
    if (entry.has(has_digest)) return answer(entry.digest == known.digest);
    want_digest(entry, index, needed);
    return Answer::unknown;
}

Answer Comparison::source_equals_baseline(const Spot& spot) {
    return equals_baseline(*spot.source, input_.source.link(*spot.source), *spot.baseline, spot.source_index,
                           needs_.source_digests);
}

Answer Comparison::target_equals_baseline(const Spot& spot) {
    return equals_baseline(*spot.target, input_.target.link(*spot.target), *spot.baseline, spot.target_index,
                           needs_.target_digests);
}

bool Comparison::require_source_digest(const Spot& spot) {
    want_digest(*spot.source, spot.source_index, needs_.source_digests);
    return spot.source->has(has_digest);
}

Answer Comparison::target_is_generated(const Spot& spot) {
    if (spot.target->has(marker_known)) return answer(spot.target->has(generated));
    if (spot.target->has(unreadable)) return Answer::no;
    needs_.target_markers.push_back(spot.target_index);
    return Answer::unknown;
}

}  // namespace syncline
