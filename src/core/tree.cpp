#include "core/tree.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/rel_path.hpp"

namespace syncline {

std::string_view kind_name(Kind kind) {
    switch (kind) {
        case Kind::file: return "file";
        case Kind::directory: return "directory";
        case Kind::symlink: return "symlink";
        case Kind::special: return "special file";
    }
    return "entry";
}

std::string_view Tree::link(const Entry& entry) const {
    if (entry.kind != Kind::symlink) return {};
    return {names_.data() + entry.path_offset + entry.path_size, entry.stamp.size};
}

uint32_t Tree::find(std::string_view path) const {
    auto less = [this](const Entry& entry, std::string_view wanted) {
        return compare_paths(this->path(entry), wanted) < 0;
    };
    auto found = std::lower_bound(entries_.begin(), entries_.end(), path, less);
    if (found == entries_.end() || this->path(*found) != path) return none;
    return static_cast<uint32_t>(found - entries_.begin());
}

std::pair<size_t, size_t> Tree::range_below(std::string_view directory) const {
    if (directory.empty()) return {0, size()};
    auto not_after = [&](const Entry& entry) { return compare_paths(path(entry), directory) <= 0; };
    auto first = std::partition_point(entries_.begin(), entries_.end(), not_after);
    auto inside = [&](const Entry& entry) { return is_at_or_below(path(entry), directory); };
    auto last = std::partition_point(first, entries_.end(), inside);
    return {static_cast<size_t>(first - entries_.begin()), static_cast<size_t>(last - entries_.begin())};
}

void Tree::set_digest(size_t index, const Digest& digest) {
    entries_[index].digest = digest;
    entries_[index].flags |= has_digest;
}

void TreeBuilder::reserve(size_t entries, size_t name_bytes) {
    tree_.entries_.reserve(entries);
    tree_.names_.reserve(name_bytes);
}

void TreeBuilder::add(std::string_view parent, std::string_view name, Entry entry, std::string_view link) {
    std::string& names = tree_.names_;
    entry.path_offset = names.size();
    names += parent;
    if (!parent.empty()) names += '/';
    names += name;
    entry.path_size = static_cast<uint32_t>(names.size() - entry.path_offset);
    if (entry.kind == Kind::symlink) {
        names += link;
        entry.stamp.size = link.size();
    }
    tree_.entries_.push_back(entry);
}

Tree TreeBuilder::finish() {
    auto before = [this](const Entry& a, const Entry& b) { return compare_paths(tree_.path(a), tree_.path(b)) < 0; };
    auto not_before = [&before](const Entry& a, const Entry& b) { return !before(a, b); };
    std::vector<Entry>& entries = tree_.entries_;
    if (std::adjacent_find(entries.begin(), entries.end(), not_before) != entries.end()) {
        std::sort(entries.begin(), entries.end(), before);
        SYNCLINE_ASSERT(std::adjacent_find(entries.begin(), entries.end(), not_before) == entries.end());
    }
    return std::move(tree_);
}

}  // namespace syncline
