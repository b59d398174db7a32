#include "core/wildcard.hpp"

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
bool parse_member(std::string_view pattern, size_t& position, unsigned char& before, ByteSet& set) {
    unsigned char byte = byte_at(pattern, position);
    unsigned char next = byte_at(pattern, position + 1);
    if (byte == 0) return false;
    if (byte == '-' && before != 0 && next != 0 && next != ']') {
        unsigned char last = byte_at(pattern, ++position);
        if (last == '\\') last = byte_at(pattern, ++position);
        if (last == 0) return false;
        for (unsigned c = before; c <= last; ++c) set.set(c);
        before = 0;
        return true;
    }
    if (byte == '[' && next == ':') {
        size_t end = pattern.find(']', position + 2);
        if (end == std::string_view::npos) return false;
        if (end > position + 2 && pattern[end - 1] == ':') {
            if (!add_class(set, pattern.substr(position + 2, end - position - 3))) return false;
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

std::optional<ByteSet> parse_bracket(std::string_view pattern, size_t& position) {
    ByteSet set;
    unsigned char first = byte_at(pattern, ++position);
    bool negated = first == '!' || first == '^';
    if (negated) ++position;
    unsigned char before = 0;
    do {
        if (!parse_member(pattern, position, before, set)) return std::nullopt;
    } while (byte_at(pattern, ++position) != ']');
    ++position;
    if (negated) set.flip();
    set.reset('/');
    return set;
}

std::optional<Wildcard> Wildcard::compile(std::string_view head, std::string_view pattern) {
    using Kind = Token::Kind;
    Wildcard wildcard;
    auto add = [&](Kind kind, char byte = 0) { wildcard.tokens_.push_back({kind, static_cast<uint8_t>(byte), 0}); };
    auto add_set = [&](const ByteSet& set) {
        wildcard.tokens_.push_back({Kind::set, 0, static_cast<uint32_t>(wildcard.sets_.size())});
        wildcard.sets_.push_back(set);
    };
    for (char byte : head) add(Kind::byte, byte);
    for (size_t i = 0; i < pattern.size();) {
        char byte = pattern[i];
        if (byte == '*') {
            if (!wildcard.add_component_star(pattern, i)) add(Kind::star);
        } else if (byte == '?') {
            add_set(ByteSet().set().reset('/'));
            ++i;
        } else if (byte == '[') {
            std::optional<ByteSet> set = parse_bracket(pattern, i);
            if (!set) return std::nullopt;
            add_set(*set);
        } else {
            if (byte == '\\' && ++i == pattern.size()) return std::nullopt;
            add(Kind::byte, pattern[i++]);
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
        } else if (at < text.size() && accepts(tokens_[token], text[at])) {
            ++token, ++at;
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
