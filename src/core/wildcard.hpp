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
#include <utility>
#include <vector>

namespace syncline {

using ByteSet = std::bitset<256>;

/// What a pattern's letters are held against.
enum class Letters : uint8_t {
    bytes,       ///< as in git
    folded,      ///< as in git with core.ignoreCase: the text has to be in lower case (ASCII) already
    characters,  ///< `?` and a set are one character of UTF-8
};

/// Reads the bracket expression whose '[' stands at `position`, which then is behind its ']'. Ranges, `!` and `^`, `\`
/// and classes such as `[:space:]`; never holds '/'. nullopt when it is unclosed or names an unknown class.
std::optional<ByteSet> parse_bracket(std::string_view pattern, size_t& position, Letters letters = Letters::bytes);

/// A bracket expression over characters. Classes are of ASCII alone, as in a ByteSet.
class CharacterSet {
  public:
    /// From the '[' to the ']' of an expression that parse_bracket takes.
    explicit CharacterSet(std::string_view bracket);
    bool holds(char32_t character) const;

  private:
    std::vector<std::pair<char32_t, char32_t>> ranges_;
    ByteSet classes_;
    bool negated_ = false;
};

class Wildcard {
  public:
    /// `head` is taken as it is, `pattern` behind it holds the wildcards. `**` counts as such where it is a whole
    /// component; the beginning of `pattern` counts as the beginning of a component. nullopt when no text can ever
    /// match: an unclosed bracket, an unknown class, a trailing backslash.
    static std::optional<Wildcard> compile(std::string_view head, std::string_view pattern,
                                           Letters letters = Letters::bytes);

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
            character,           ///< any character of UTF-8 but '/'
            character_set,       ///< one that is in a set
            star,                ///< any bytes but '/'
            any_directories,     ///< nothing, or anything that ends in '/'
            one_more_directory,  ///< anything that ends in '/'
            everything,          ///< the rest of the text, whatever it is
        };
        Kind kind = Kind::byte;
        uint8_t byte = 0;
        uint32_t set = 0;  ///< index into sets_ or character_sets_
    };
    /// Most patterns are a plain name or `*.ext`, which need no more than one comparison.
    enum class Shape : uint8_t { literal, suffix, general };

    bool add_component_star(std::string_view pattern, size_t& position);
    void choose_shape();
    bool accepts(const Token& token, char byte) const;
    size_t accepted_bytes(const Token& token, std::string_view text, size_t at) const;
    bool matches_from_the_front(std::string_view text) const;
    bool matches_generally(std::string_view text) const;

    Shape shape_ = Shape::literal;
    std::string tail_;  ///< the bytes behind the last wildcard; all of them for a literal
    std::vector<Token> tokens_;
    std::vector<ByteSet> sets_;
    std::vector<CharacterSet> character_sets_;
};

}  // namespace syncline
