#include "endpoint/bucket_listing.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "endpoint/bucket_metadata.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/ssh_tree.hpp"

namespace syncline {
namespace {

constexpr size_t most_problems = 1000;

// What a stamp's mtime says of the rest.
constexpr TimeNs is_md5 = 0, is_other_etag = 1, is_time = 2;

std::optional<uint64_t> hex64(std::string_view text) {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

uint64_t first_bytes(const Digest& digest, size_t from) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value = value << 8 | digest.bytes[from + i];
    return value;
}

Stamp hashed(uint64_t size, std::string_view text, TimeNs what) {
    Digest digest = sha256_of(text);
    // Not of the future, which would be taken for racy.
    return {size, what, static_cast<TimeNs>(first_bytes(digest, 8) >> 2), first_bytes(digest, 0) | 1};
}

}  // namespace

Stamp object_stamp(uint64_t size, std::string_view etag, TimeNs modified) {
    if (etag.empty() && modified == 0) return {size, 0, 0, 0};
    if (etag.empty()) return hashed(size, std::to_string(modified), is_time);
    if (etag.size() == 32) {
        std::optional<uint64_t> high = hex64(etag.substr(0, 16)), low = hex64(etag.substr(16));
        if (high && low && *high != 0) return {size, is_md5, static_cast<TimeNs>(*low), *high};
    }
    return hashed(size, etag, is_other_etag);
}

std::string etag_of(const Stamp& stamp) {
    if (!stamp.known() || stamp.mtime != is_md5) return "";
    char text[33];
    std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(stamp.inode),
                  static_cast<unsigned long long>(stamp.ctime));
    return text;
}

std::string md5_of(const Stamp& stamp) {
    if (!stamp.known() || stamp.mtime != is_md5) return "";
    std::string bytes;
    for (uint64_t half : {stamp.inode, static_cast<uint64_t>(stamp.ctime)}) {
        for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(half >> shift & 0xff);
    }
    return bytes;
}

void ObjectTree::refuse(std::string_view path, std::string why) {
    if (problems_.size() < most_problems) problems_.push_back({std::string(path), std::move(why)});
}

void ObjectTree::add(std::string_view key, const Stamp& stamp) {
    std::optional<BucketKeys::Place> place = keys_->place_of(key);
    if (!place) {
        return refuse("", "the key " + escape(key) + " names no path, so the object is left alone; rename it");
    }
    if (place->path.empty()) {
        has_root_marker_ = true;
        return;
    }
    if (place->is_directory && stamp.size > 0) {
        refuse(place->path, "the key " + escape(key) +
                                " is a directory's, but the object has content, which is left alone; rename it");
    }
    Seen seen;
    seen.path_offset = names_.size();
    seen.path_size = static_cast<uint32_t>(place->path.size());
    seen.kind = place->is_directory ? Kind::directory : Kind::file;
    seen.stamp = stamp;
    names_ += place->path;
    seen_.push_back(seen);
}

void ObjectTree::settle(const ListRequest& request) {
    // Of two of the same path the directory comes last, right before what is in it.
    auto before = [this](const Seen& a, const Seen& b) {
        auto order = compare_paths(path(a), path(b));
        return order != 0 ? order < 0 : a.kind < b.kind;
    };
    if (!std::is_sorted(seen_.begin(), seen_.end(), before)) std::sort(seen_.begin(), seen_.end(), before);
    if (request.baseline != nullptr) recall(*request.baseline);
    bool wants_directory_modes = request.wants_modes && !request.is_target;
    for (size_t i = 0; i < seen_.size(); ++i) {
        const Seen& seen = seen_[i];
        if (seen.mode_known) continue;
        bool is_unclear = seen.kind == Kind::directory ? wants_directory_modes : seen.stamp.size == link_body_size;
        if (is_unclear) unclear_.push_back(i);
    }
}

/// Both are sorted, so one walk along them finds all pairs. What an object is follows from its content, and a symlink's
/// content from its target.
void ObjectTree::recall(const Baseline& baseline) {
    size_t at = 0;
    for (const BaselineEntry& known : baseline.entries()) {
        std::string_view known_path = baseline.path(known);
        while (at < seen_.size() && compare_paths(path(seen_[at]), known_path) < 0) ++at;
        for (size_t i = at; i < seen_.size() && path(seen_[i]) == known_path; ++i) {
            Seen& seen = seen_[i];
            if (known.kind == Kind::symlink && seen.kind == Kind::file) {
                std::string_view target = baseline.link(known);
                std::string body = link_body(sha256_of(target));
                bool is_same_link = seen.stamp.size == link_body_size && md5_of(seen.stamp) == md5_text(body);
                if (is_same_link) set_link(i, std::string(target)), seen.mode_known = true;
                continue;
            }
            if (known.kind != seen.kind) continue;
            bool is_same = known.kind == Kind::directory ||
                           (known.target_stamp().known() && known.target_stamp() == seen.stamp) ||
                           (known.source_stamp().known() && known.source_stamp() == seen.stamp);
            if (is_same) seen.mode = known.mode, seen.mode_known = true;
        }
    }
}

void ObjectTree::set_link(size_t index, std::string target) {
    links_.push_back(std::move(target));
    seen_[index].link = static_cast<uint32_t>(links_.size());
    seen_[index].kind = Kind::symlink;
}

void ObjectTree::set_mode(size_t index, uint16_t mode) {
    seen_[index].mode = mode;
    seen_[index].mode_known = true;
}

/// A file of the same name as a directory, with or without a marker: other clients may make both.
bool ObjectTree::is_in_the_way(size_t index) {
    if (seen_[index].kind == Kind::directory || index + 1 == seen_.size()) return false;
    std::string_view own = path(index);
    if (!is_at_or_below(path(index + 1), own)) return false;
    refuse(own, "is both an object and the beginning of other keys; the object is left alone: rename one of them");
    return true;
}

Listing ObjectTree::finish(const ListRequest& request, std::atomic<uint64_t>* scanned) {
    RemoteTree tree(request, scanned);
    std::string open;  // the directory that was named last
    auto enter = [&](std::string_view directory) {
        if (is_at_or_below(open, directory)) return;
        size_t from = is_at_or_below(directory, open) && !open.empty() ? open.size() + 1 : 0;
        for (size_t slash = directory.find('/', from);; slash = directory.find('/', slash + 1)) {
            std::string_view part = directory.substr(0, slash);
            if (!is_at_or_below(open, part)) {
                RemoteEntry entry;
                entry.kind = Kind::directory;
                entry.mode = 0700;
                implied_.emplace_back(part);
                tree.add(part, entry, {});
            }
            if (slash == std::string_view::npos) break;
        }
        open = directory;
    };
    for (size_t i = 0; i < seen_.size(); ++i) {
        const Seen& seen = seen_[i];
        if (is_in_the_way(i)) continue;
        std::string_view own = path(seen);
        enter(parent_path(own));
        RemoteEntry entry;
        entry.kind = seen.kind;
        // A pull takes what stands for "not known"; a push that keeps modes sets them.
        uint16_t unknown = seen.kind == Kind::directory ? 0700 : request.is_target ? 0 : 0644;
        entry.mode = seen.mode_known ? seen.mode : unknown;
        if (seen.kind != Kind::directory) entry.stamp = seen.stamp;
        tree.add(own, entry, seen.link == 0 ? std::string_view() : std::string_view(links_[seen.link - 1]));
        if (seen.kind == Kind::directory) open = own;
    }
    Listing listing = tree.finish(INT64_MAX);
    std::ranges::stable_sort(problems_, PathLess{}, &Problem::path);
    listing.problems.insert(listing.problems.end(), problems_.begin(), problems_.end());
    return listing;
}

}  // namespace syncline
