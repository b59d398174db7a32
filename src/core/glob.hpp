// Glob: the patterns of `exclude` and `include` (not of ignore files, whose rules differ: ignore.hpp).
//
// `?`, `*` (neither crosses '/'), `**`, `{a,b}`, `[ab]`, `[!ab]`, ranges, and `\` to take a character as it is. A pattern
// without '/' matches a name at any depth; `X/**` matches X itself too; a leading '/' is dropped; a trailing '/' matches
// directories only. Whatever lies below a matched directory is matched as well (the caller does not descend).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

class Glob {
  public:
    /// On error (unclosed bracket or brace, empty pattern, nesting over 8, over 1,024 alternatives, trailing backslash)
    /// nullopt, and `why` says what is wrong. Never throws and never takes more than linear memory for any bytes.
    static std::optional<Glob> compile(std::string_view pattern, std::string& why);

    /// Matches a whole relative path. Time is bounded by pattern length times path length.
    bool matches(std::string_view path, bool is_directory) const;

    const std::string& pattern() const;

  private:
    struct Compiled;
    explicit Glob(std::shared_ptr<const Compiled> compiled);
    std::shared_ptr<const Compiled> compiled_;
};

}  // namespace syncline
