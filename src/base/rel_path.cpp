#include "base/rel_path.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace syncline {
namespace {

/// Length of the prefix that two blocks of `size` bytes share. Sorted merges spend their time here, hence whole words.
size_t common_prefix(const char* a, const char* b, size_t size) {
    size_t at = 0;
    uint64_t word_a = 0, word_b = 0;
    for (; at + sizeof word_a <= size; at += sizeof word_a) {
        std::memcpy(&word_a, a + at, sizeof word_a);
        std::memcpy(&word_b, b + at, sizeof word_b);
        if (word_a != word_b) break;
    }
    while (at < size && a[at] == b[at]) ++at;
    return at;
}

/// rfind('/'), many bytes at a time.
size_t last_slash(std::string_view path) {
    const void* found = path.empty() ? nullptr : ::memrchr(path.data(), '/', path.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<size_t>(static_cast<const char*>(found) - path.data());
}

}  // namespace

bool is_valid_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

bool is_valid_path(std::string_view path) {
    if (path.empty()) return true;
    while (true) {
        size_t slash = path.find('/');
        if (!is_valid_name(path.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        path.remove_prefix(slash + 1);
    }
}

std::strong_ordering compare_paths(std::string_view a, std::string_view b) {
    size_t common = std::min(a.size(), b.size());
    size_t at = common_prefix(a.data(), b.data(), common);
    if (at == common) return a.size() <=> b.size();
    // NUL is in no path, so '/' can take its place below all other bytes.
    auto rank = [](char c) { return c == '/' ? uint8_t{0} : static_cast<uint8_t>(c); };
    return rank(a[at]) <=> rank(b[at]);
}

std::string_view parent_path(std::string_view path) {
    size_t slash = last_slash(path);
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view last_name(std::string_view path) {
    size_t slash = last_slash(path);
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool is_at_or_below(std::string_view path, std::string_view ancestor) {
    if (ancestor.empty()) return true;
    return path.starts_with(ancestor) && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

std::string join_path(std::string_view parent, std::string_view name) {
    std::string joined(parent);
    if (!parent.empty() && !name.empty()) joined += '/';
    joined += name;
    return joined;
}

bool link_stays_inside(std::string_view path, std::string_view target) {
    if (target.empty() || target.front() == '/') return false;
    auto depth = static_cast<size_t>(std::ranges::count(path, '/'));
    bool is_at_beginning = true;
    while (!target.empty()) {
        size_t slash = std::min(target.find('/'), target.size());
        std::string_view name = target.substr(0, slash);
        target.remove_prefix(std::min(slash + 1, target.size()));
        if (name.empty() || name == ".") continue;
        if (name != "..") {
            is_at_beginning = false;
        } else if (!is_at_beginning || depth-- == 0) {
            return false;
        }
    }
    return true;
}

}  // namespace syncline
