// Glob: the patterns of `exclude` and `include` (not of ignore files, whose rules differ: ignore.hpp).
//
// `?` (one byte), `*` (neither crosses '/'), `**` as a whole component, `{a,b}`, `[ab]`, `[!ab]`, ranges,
// `[:classes:]`, and
// `\` to take a character as it is. A pattern without '/' matches a name at any depth, any other is held against the
// whole path. `X/**` matches the directory X itself too; a leading '/' or "./" only anchors; a trailing '/' matches
// directories only. Whatever lies below a matched directory is matched as well. Each alternative of a brace is read as
// a pattern of its own.
//
// Immutable and cheap to copy; any number of threads may match.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

class Glob {
  public:
    /// On error (unclosed bracket or brace, unknown class, empty pattern, nesting over 8, over 1,024 alternatives or 64
    /// KiB of them, trailing backslash) nullopt, and `why` says what is wrong.
    static std::optional<Glob> compile(std::string_view pattern, std::string& why);

    /// Whether the entry at relative path `path`, or a directory above it, matches.
    bool matches(std::string_view path, bool is_directory) const;

    /// Whether the entry by itself matches: for callers who come down from the root and stop at a matched directory.
    /// Time is bounded by pattern length times path length.
    bool matches_entry(std::string_view path, bool is_directory) const;
    /// The same for who knows the path's last name.
    bool matches_entry(std::string_view path, std::string_view name, bool is_directory) const;

    const std::string& pattern() const;

  private:
    struct Compiled;
    explicit Glob(std::shared_ptr<const Compiled> compiled);
    std::shared_ptr<const Compiled> compiled_;
};

/// Why no path looks like `pattern`; "" when one could. Paths below a root have no "." or ".." and no empty names; "./"
/// may begin a pattern and slashes may end it.
std::string why_never_matching(std::string_view pattern);

}  // namespace syncline
