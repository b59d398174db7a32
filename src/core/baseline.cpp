#include "core/baseline.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rel_path.hpp"

namespace syncline {
namespace {

using StampOf = Stamp (BaselineEntry::*)() const;

/// Both sequences are sorted, so one walk along them finds all pairs.
void recall_side(const Baseline& baseline, Tree& tree, StampOf recorded_stamp) {
    size_t at = 0;
    for (const BaselineEntry& known : baseline.entries()) {
        std::string_view path = baseline.path(known);
        while (at < tree.size() && compare_paths(tree.path(at), path) < 0) ++at;
        if (at == tree.size()) return;
        const Entry& entry = tree[at];
        if (known.kind != Kind::file || entry.kind != Kind::file || tree.path(entry) != path) continue;
        Stamp stamp = (known.*recorded_stamp)();
        if (stamp.known() && stamp == entry.stamp) tree.set_digest(at, known.digest);
    }
}

/// File times come from a clock that ticks every few milliseconds, on some file systems every two seconds.
TimeNs tick_of(const Stamp& stamp) {
    constexpr TimeNs tick = 20'000'000;
    constexpr TimeNs coarse_tick = 2'000'000'000;
    bool is_coarse = stamp.mtime % ns_per_second == 0 && stamp.ctime % ns_per_second == 0;
    return is_coarse ? coarse_tick : tick;
}

}  // namespace

std::string_view Baseline::link(const BaselineEntry& entry) const {
    if (entry.kind != Kind::symlink) return {};
    return {names_.data() + entry.path_offset + entry.path_size, entry.size};
}

uint32_t Baseline::find(std::string_view path) const {
    auto less = [this](const BaselineEntry& entry, std::string_view wanted) {
        return compare_paths(this->path(entry), wanted) < 0;
    };
    auto found = std::lower_bound(entries_.begin(), entries_.end(), path, less);
    if (found == entries_.end() || this->path(*found) != path) return Tree::none;
    return static_cast<uint32_t>(found - entries_.begin());
}

void Baseline::reserve(size_t entries, size_t name_bytes) {
    entries_.reserve(entries);
    names_.reserve(name_bytes);
}

void Baseline::add(std::string_view path, BaselineEntry entry, std::string_view link) {
    SYNCLINE_ASSERT(entries_.empty() || compare_paths(this->path(entries_.back()), path) < 0);
    entry.path_offset = names_.size();
    entry.path_size = static_cast<uint32_t>(path.size());
    names_ += path;
    if (entry.kind == Kind::symlink) {
        names_ += link;
        entry.size = link.size();
    }
    entries_.push_back(entry);
}

void recall_digests(const Baseline& baseline, Tree& source, Tree& target) {
    recall_side(baseline, source, &BaselineEntry::source_stamp);
    recall_side(baseline, target, &BaselineEntry::target_stamp);
}

bool is_racy(const Stamp& stamp, TimeNs scanned_at) {
    return std::max(stamp.mtime, stamp.ctime) >= scanned_at - tick_of(stamp);
}

bool is_racy_when_written(const Stamp& stamp, TimeNs now) {
    return stamp.mtime >= now - tick_of(stamp) && stamp.mtime <= now + tick_of(stamp);
}

}  // namespace syncline
