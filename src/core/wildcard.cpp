#include "core/wildcard.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace syncline {

namespace {

/// git's own character classes: ASCII only, and vertical tab and form feed are no space.
bool in_class(std::string_view name, unsigned char c, bool& known) {
    bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
    bool printable = c >= 0x20 && c <= 0x7e;
    known = true;
    if (name == "alnum") return lower || upper || digit;
    if (name == "alpha") return lower || upper;
    if (name == "blank") return c == ' ' || c == '\t';
    if (name == "cntrl") return c < 0x20 || c == 0x7f;
    if (name == "digit") return digit;
    if (name == "graph") return printable && c != ' ';
    if (name == "lower") return lower;
    if (name == "print") return printable;
    if (name == "punct") return printable && c != ' ' && !lower && !upper && !digit;
    if (name == "space") return c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (name == "upper") return upper;
    if (name == "xdigit") return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    known = false;
    return false;
}

bool add_class(ByteSet& set, std::string_view name) {
    bool known = true;
    for (unsigned c = 0; c < 256 && known; ++c) {
        if (in_class(name, static_cast<unsigned char>(c), known)) set.set(c);
    }
    return known;
}

/// The byte at `position`, 0 behind the end: what a C string gives, which the rules below count on.
unsigned char byte_at(std::string_view text, size_t position) {
    return position < text.size() ? static_cast<unsigned char>(text[position]) : 0;
}

/// One member of a bracket expression at `position`, which is then at the member's last byte. `before` is the byte that
/// a range would begin with, 0 for none, and becomes that of the next member. False when the expression is malformed.
bool parse_member(std::string_view pattern, size_t& position, unsigned char& before, ByteSet& set, Letters letters) {
    // With core.ignoreCase git takes a range and [:upper:] in either case, a single member as it stands.
    auto fold = [&](const ByteSet& added) {
        for (unsigned char c = 'A'; letters == Letters::folded && c <= 'Z'; ++c) {
            if (added[c]) set.set(c + ('a' - 'A'));
        }
    };
    unsigned char byte = byte_at(pattern, position);
    unsigned char next = byte_at(pattern, position + 1);
    if (byte == 0) return false;
    if (byte == '-' && before != 0 && next != 0 && next != ']') {
        unsigned char last = byte_at(pattern, ++position);
        if (last == '\\') last = byte_at(pattern, ++position);
        if (last == 0) return false;
        ByteSet range;
        for (unsigned c = before; c <= last; ++c) range.set(c);
        set |= range;
        fold(range);
        before = 0;
        return true;
    }
    if (byte == '[' && next == ':') {
        size_t end = pattern.find(']', position + 2);
        if (end == std::string_view::npos) return false;
        if (end > position + 2 && pattern[end - 1] == ':') {
            ByteSet members;
            if (!add_class(members, pattern.substr(position + 2, end - position - 3))) return false;
            set |= members;
            if (pattern.substr(position + 2, end - position - 3) == "upper") fold(members);
            position = end;
            before = 0;
            return true;
        }
    }
    if (byte == '\\') byte = byte_at(pattern, ++position);
    if (byte == 0) return false;
    set.set(byte);
    before = byte;
    return true;
}

}  // namespace

std::optional<ByteSet> parse_bracket(std::string_view pattern, size_t& position, Letters letters) {
    ByteSet set;
    unsigned char first = byte_at(pattern, ++position);
    bool negated = first == '!' || first == '^';
    if (negated) ++position;
    unsigned char before = 0;
    do {
        if (!parse_member(pattern, position, before, set, letters)) return std::nullopt;
    } while (byte_at(pattern, ++position) != ']');
    ++position;
    if (negated) set.flip();
    set.reset('/');
    return set;
}

CharacterSet::CharacterSet(std::string_view bracket) {
    size_t at = 1;
    negated_ = bracket[at] == '!' || bracket[at] == '^';
    if (negated_) ++at;
    std::optional<char32_t> before;
    for (bool is_first = true; is_first || bracket[at] != ']'; is_first = false) {
        bool is_range = bracket[at] == '-' && before && at + 1 < bracket.size() && bracket[at + 1] != ']';
        bool is_class = bracket.substr(at).starts_with("[:");
        size_t class_end = is_class ? bracket.find(']', at + 2) : 0;
        if (is_class && class_end > at + 2 && bracket[class_end - 1] == ':') {
            add_class(classes_, bracket.substr(at + 2, class_end - at - 3));
            at = class_end + 1;
            before.reset();
            continue;
        }
        if (is_range) ++at;
        if (bracket[at] == '\\') ++at;
        Utf8Character member = utf8_at(bracket, at);
        ranges_.emplace_back(is_range ? *before : member.code, member.code);
        before = is_range ? std::nullopt : std::optional(member.code);
        at += member.size;
    }
}

bool CharacterSet::holds(char32_t character) const {
    auto is_in = [&](const auto& range) { return range.first <= character && character <= range.second; };
    bool is_member = (character < 0x80 && classes_[character]) || std::any_of(ranges_.begin(), ranges_.end(), is_in);
    return character != '/' && is_member != negated_;
}

std::optional<Wildcard> Wildcard::compile(std::string_view head, std::string_view pattern, Letters letters) {
    using Kind = Token::Kind;
    Wildcard wildcard;
    auto add = [&](Kind kind, char byte = 0) { wildcard.tokens_.push_back({kind, static_cast<uint8_t>(byte), 0}); };
    auto add_set = [&](const ByteSet& set) {
        wildcard.tokens_.push_back({Kind::set, 0, static_cast<uint32_t>(wildcard.sets_.size())});
        wildcard.sets_.push_back(set);
    };
    auto folded = [&](char byte) {
        return letters == Letters::folded && byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + ('a' - 'A')) : byte;
    };
    for (char byte : head) add(Kind::byte, folded(byte));
    for (size_t i = 0; i < pattern.size();) {
        char byte = pattern[i];
        if (byte == '*') {
            if (!wildcard.add_component_star(pattern, i)) add(Kind::star);
        } else if (byte == '?' && letters == Letters::characters) {
            add(Kind::character);
            ++i;
        } else if (byte == '?') {
            add_set(ByteSet().set().reset('/'));
            ++i;
        } else if (byte == '[') {
            size_t begin = i;
            std::optional<ByteSet> set = parse_bracket(pattern, i, letters);
            if (!set) return std::nullopt;
            if (letters == Letters::characters) {
                wildcard.tokens_.push_back(
                    {Kind::character_set, 0, static_cast<uint32_t>(wildcard.character_sets_.size())});
                wildcard.character_sets_.emplace_back(pattern.substr(begin, i - begin));
            } else {
                add_set(*set);
            }
        } else {
            bool is_escaped = byte == '\\';
            if (is_escaped && ++i == pattern.size()) return std::nullopt;
            add(Kind::byte, is_escaped ? pattern[i] : folded(pattern[i]));
            ++i;
        }
    }
    wildcard.choose_shape();
    return wildcard;
}

/// Moves `position` behind a run of stars. True when the run was a `**` that is a whole component; its token is added
/// then, and `position` is behind its slash too.
bool Wildcard::add_component_star(std::string_view pattern, size_t& position) {
    using Kind = Token::Kind;
    size_t begin = position;
    while (position < pattern.size() && pattern[position] == '*') ++position;
    if (position - begin < 2 || (begin > 0 && pattern[begin - 1] != '/')) return false;
    std::string_view rest = pattern.substr(position);
    if (rest.empty()) {
        tokens_.push_back({Kind::everything, 0, 0});
    } else if (rest[0] == '/') {
        tokens_.push_back({Kind::any_directories, 0, 0});
        position += 1;
    } else if (rest.starts_with("\\/")) {
        tokens_.push_back({Kind::one_more_directory, 0, 0});
        position += 2;
    } else {
        return false;
    }
    return true;
}

void Wildcard::choose_shape() {
    size_t literal_from = tokens_.size();
    while (literal_from > 0 && tokens_[literal_from - 1].kind == Token::Kind::byte) --literal_from;
    for (size_t i = literal_from; i < tokens_.size(); ++i) tail_.push_back(static_cast<char>(tokens_[i].byte));
    if (literal_from == 0) {
        shape_ = Shape::literal;
    } else if (literal_from == 1 && tokens_[0].kind == Token::Kind::star) {
        shape_ = Shape::suffix;
    } else {
        shape_ = Shape::general;
        return;
    }
    tokens_ = {};
}

bool Wildcard::matches_from_the_front(std::string_view text) const {
    if (!text.ends_with(tail_)) return false;
    if (shape_ == Shape::literal) return true;
    if (shape_ == Shape::general) return matches_generally(text);
    return text.substr(0, text.size() - tail_.size()).find('/') == std::string_view::npos;
}

bool Wildcard::accepts(const Token& token, char byte) const {
    if (token.kind == Token::Kind::byte) return token.byte == static_cast<uint8_t>(byte);
    return token.kind == Token::Kind::set && sets_[token.set][static_cast<uint8_t>(byte)];
}

/// How many bytes of `text` at `at`, which is before its end, `token` takes; 0: none.
size_t Wildcard::accepted_bytes(const Token& token, std::string_view text, size_t at) const {
    using Kind = Token::Kind;
    bool is_of_characters = token.kind == Kind::character || token.kind == Kind::character_set;
    if (!is_of_characters) return accepts(token, text[at]) ? 1 : 0;
    // A star may have stopped within a character, where none begins.
    auto is_continuation = [&](size_t i) { return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80; };
    for (size_t back = 1; back <= std::min<size_t>(at, 3) && is_continuation(at - back + 1); ++back) {
        if (utf8_at(text, at - back).size > back) return 0;
    }
    Utf8Character character = utf8_at(text, at);
    bool is_taken =
        token.kind == Kind::character ? character.code != '/' : character_sets_[token.set].holds(character.code);
    return is_taken ? character.size : 0;
}

/// Goes on greedily and comes back only to the last star, or, when that one has met a slash, to the last `**`. Earlier
/// ones need no second try: what the later one can skip includes all that they could have skipped.
bool Wildcard::matches_generally(std::string_view text) const {
    using Kind = Token::Kind;
    constexpr size_t none = SIZE_MAX;
    size_t token = 0, at = 0;
    size_t star_token = none, star_at = 0;                // behind the last star, and where its text ends
    size_t directories_token = none, directories_at = 0;  // the same of the last `**`
    while (true) {
        Kind kind = token < tokens_.size() ? tokens_[token].kind : Kind::byte;
        if (token == tokens_.size()) {
            if (at == text.size()) return true;
        } else if (kind == Kind::everything) {
            return true;
        } else if (kind == Kind::star) {
            star_token = ++token;
            star_at = at;
            continue;
        } else if (kind == Kind::any_directories || kind == Kind::one_more_directory) {
            directories_token = ++token;
            directories_at = at;
            star_token = none;
            if (kind == Kind::any_directories) continue;
        } else if (size_t taken = at < text.size() ? accepted_bytes(tokens_[token], text, at) : 0; taken > 0) {
            ++token;
            at += taken;
            continue;
        }
        if (star_token != none && star_at < text.size() && text[star_at] != '/') {
            token = star_token;
            at = ++star_at;
            continue;
        }
        if (directories_token == none) return false;
        size_t slash = text.find('/', directories_at);
        if (slash == std::string_view::npos) return false;
        token = directories_token;
        at = directories_at = slash + 1;
        star_token = none;
    }
}

}  // namespace syncline
