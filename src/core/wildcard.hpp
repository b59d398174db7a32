// Wildcard: one compiled pattern over bytes. Globs and ignore files differ in how they cut up their text and in what a
// pattern is held against; the wildcards themselves are the same, those of git's wildmatch.
//
// Immutable once compiled, so any number of threads may match.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

using ByteSet = std::bitset<256>;

/// Reads the bracket expression whose '[' stands at `position`, which then is behind its ']'. Ranges, `!` and `^`, `\`
/// and classes such as `[:space:]`; never holds '/'. nullopt when it is unclosed or names an unknown class.
std::optional<ByteSet> parse_bracket(std::string_view pattern, size_t& position);

class Wildcard {
  public:
    /// `head` is taken as it is, `pattern` behind it holds the wildcards. `**` counts as such where it is a whole
    /// component; the beginning of `pattern` counts as the beginning of a component. nullopt when no text can ever
    /// match: an unclosed bracket, an unknown class, a trailing backslash.
    static std::optional<Wildcard> compile(std::string_view head, std::string_view pattern);

    /// Whether the whole of `text` matches, in time bounded by the pattern's length times the text's.
    bool matches(std::string_view text) const {
        // Nearly every call ends here, so this much is inline.
        if (text.size() < tail_.size() || (shape_ == Shape::literal && text.size() != tail_.size())) return false;
        if (!tail_.empty() && text.back() != tail_.back()) return false;
        return matches_from_the_front(text);
    }

  private:
    struct Token {
        enum class Kind : uint8_t {
            byte,
            set,
            star,                ///< any bytes but '/'
            any_directories,     ///< nothing, or anything that ends in '/'
            one_more_directory,  ///< anything that ends in '/'
            everything,          ///< the rest of the text, whatever it is
        };
        Kind kind = Kind::byte;
        uint8_t byte = 0;
        uint32_t set = 0;  ///< index into sets_
    };
    /// Most patterns are a plain name or `*.ext`, which need no more than one comparison.
    enum class Shape : uint8_t { literal, suffix, general };

    bool add_component_star(std::string_view pattern, size_t& position);
    void choose_shape();
    bool accepts(const Token& token, char byte) const;
    bool matches_from_the_front(std::string_view text) const;
    bool matches_generally(std::string_view text) const;

    Shape shape_ = Shape::literal;
    std::string tail_;  ///< the bytes behind the last wildcard; all of them for a literal
    std::vector<Token> tokens_;
    std::vector<ByteSet> sets_;
};

}  // namespace syncline
