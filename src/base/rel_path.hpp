// Relative paths: the names by which both sides of a job know an entry.
//
// A path is bytes: components joined by '/', none of them empty, "." or "..", and no NUL anywhere. "" is the root.
// Paths are ordered depth first: '/' sorts below every other byte, so that a directory is followed at once by all that
// is in it. State and listings rely on that order.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace syncline {

/// Whether `name` can be one component: not empty, ".", "..", and without '/' and NUL.
bool is_valid_name(std::string_view name);

/// Whether `path` is "" or valid components joined by '/'. What a peer sends is checked by this before anything else.
bool is_valid_path(std::string_view path);

/// The depth-first order.
std::strong_ordering compare_paths(std::string_view a, std::string_view b);

struct PathLess {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return compare_paths(a, b) < 0; }
};

/// "a/b" for "a/b/c"; "" for "a" and for "".
std::string_view parent_path(std::string_view path);

/// "c" for "a/b/c".
std::string_view last_name(std::string_view path);

/// Whether `path` is `ancestor` or lies below it. Everything is below "".
bool is_at_or_below(std::string_view path, std::string_view ancestor);

/// "a/b" of "a" and "b"; either may be "".
std::string join_path(std::string_view parent, std::string_view name);

/// Whether a relative symlink at `path` leads to something in the tree whatever other links there are: "../" only at
/// its beginning, no further up than the root, and no component that a link on the way could turn around.
bool link_stays_inside(std::string_view path, std::string_view target);

}  // namespace syncline
