#include "core/glob.hpp"

#include <vector>

#include "base/rel_path.hpp"
#include "core/wildcard.hpp"

namespace syncline {

namespace {

constexpr int max_nesting = 8;
constexpr size_t max_alternatives = 1024;
constexpr size_t max_expanded_bytes = 64 * 1024;

struct Malformed {
    const char* why;
};

struct Alternatives {
    std::vector<std::string> texts;
    size_t bytes = 0;

    void add(std::string text) {
        bytes += text.size();
        texts.push_back(std::move(text));
        check();
    }
    void append(std::string_view tail) {
        bytes += texts.size() * tail.size();
        check();
        for (std::string& text : texts) text += tail;
    }
    void check() const {
        if (texts.size() > max_alternatives) throw Malformed{"its braces make more than 1,024 alternatives"};
        if (bytes > max_expanded_bytes) throw Malformed{"it is longer than 64 KiB when its braces are written out"};
    }
};

/// Every head with every tail.
Alternatives combine(const Alternatives& heads, const Alternatives& tails) {
    Alternatives result;
    for (const std::string& head : heads.texts) {
        for (const std::string& tail : tails.texts) result.add(head + tail);
    }
    return result;
}

/// Writes `{a,b}` out: what remains are patterns without braces. Throws Malformed.
class BraceExpander {
  public:
    explicit BraceExpander(std::string_view pattern) : pattern_(pattern) {}

    Alternatives expand() { return sequence(0); }

  private:
    /// Up to the end of the pattern, or within a brace to its ',' or '}'.
    Alternatives sequence(int nesting) {
        Alternatives result;
        result.add("");
        while (at_ < pattern_.size()) {
            char byte = pattern_[at_];
            if (nesting > 0 && (byte == ',' || byte == '}')) break;
            if (byte == '{') {
                result = combine(result, brace(nesting + 1));
            } else {
                result.append(element());
            }
        }
        return result;
    }

    Alternatives brace(int nesting) {
        if (nesting > max_nesting) throw Malformed{"its braces are nested more than 8 deep"};
        Alternatives result;
        do {
            ++at_;
            for (std::string& text : sequence(nesting).texts) result.add(std::move(text));
        } while (at_ < pattern_.size() && pattern_[at_] == ',');
        if (at_ == pattern_.size()) throw Malformed{"its '{' is never closed"};
        ++at_;
        return result;
    }

    /// One byte, or a bracket expression or an escaped byte with all that belongs to it.
    std::string_view element() {
        size_t begin = at_;
        if (pattern_[at_] == '[') {
            if (!parse_bracket(pattern_, at_))
                throw Malformed{"its '[' is never closed, or names an unknown [:class:]"};
        } else if (pattern_[at_] == '\\') {
            if (at_ + 1 == pattern_.size()) throw Malformed{"nothing follows its last '\\'"};
            at_ += 2;
            // An escaped slash is a slash; what comes later looks for plain ones.
            if (pattern_[at_ - 1] == '/') ++begin;
        } else {
            ++at_;
        }
        return pattern_.substr(begin, at_ - begin);
    }

    std::string_view pattern_;
    size_t at_ = 0;
};

struct Alternative {
    Wildcard wildcard;
    bool name_only = false;
    bool directory_only = false;
};

bool strip_front(std::string_view& text, std::string_view what) {
    if (!text.starts_with(what)) return false;
    text.remove_prefix(what.size());
    return true;
}

bool strip_back(std::string_view& text, std::string_view what) {
    if (!text.ends_with(what)) return false;
    text.remove_suffix(what.size());
    return true;
}

/// A pattern without braces; nullopt when there is nothing that it could match.
std::optional<Alternative> compile_alternative(std::string_view text) {
    Alternative result;
    bool anchored = strip_front(text, "/") || strip_front(text, "./");
    bool any_depth = false;
    while (text.size() > 3 && strip_front(text, "**/")) any_depth = true;
    while (strip_back(text, "/")) result.directory_only = true;
    if (text.empty()) return std::nullopt;
    if (!anchored && text.find('/') == std::string_view::npos) any_depth = true;
    // "X/**" is the directory X: whatever lies below it is matched with it.
    while (text.size() > 3 && (strip_back(text, "/**") || strip_back(text, "/"))) result.directory_only = true;
    result.name_only = any_depth && text.find('/') == std::string_view::npos;
    std::string pattern(any_depth && !result.name_only ? "**/" : "");
    std::optional<Wildcard> wildcard = Wildcard::compile("", pattern.append(text), Letters::characters);
    if (!wildcard) return std::nullopt;
    result.wildcard = std::move(*wildcard);
    return result;
}

}  // namespace

struct Glob::Compiled {
    std::string pattern;
    std::vector<Alternative> alternatives;
};

Glob::Glob(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}

std::optional<Glob> Glob::compile(std::string_view pattern, std::string& why) {
    auto compiled = std::make_shared<Compiled>();
    compiled->pattern = pattern;
    try {
        if (pattern.size() > max_expanded_bytes) throw Malformed{"it is longer than 64 KiB"};
        for (const std::string& text : BraceExpander(pattern).expand().texts) {
            if (auto alternative = compile_alternative(text)) compiled->alternatives.push_back(std::move(*alternative));
        }
        if (compiled->alternatives.empty()) throw Malformed{"it is empty"};
    } catch (const Malformed& malformed) {
        why = malformed.why;
        return std::nullopt;
    }
    return Glob(std::move(compiled));
}

bool Glob::matches(std::string_view path, bool is_directory) const {
    for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        if (matches_entry(path.substr(0, slash), true)) return true;
    }
    return matches_entry(path, is_directory);
}

bool Glob::matches_entry(std::string_view path, bool is_directory) const {
    return matches_entry(path, last_name(path), is_directory);
}

bool Glob::matches_entry(std::string_view path, std::string_view name, bool is_directory) const {
    for (const Alternative& alternative : compiled_->alternatives) {
        if (alternative.directory_only && !is_directory) continue;
        if (alternative.wildcard.matches(alternative.name_only ? name : path)) return true;
    }
    return false;
}

const std::string& Glob::pattern() const { return compiled_->pattern; }

std::string why_never_matching(std::string_view pattern) {
    while (pattern.ends_with('/')) pattern.remove_suffix(1);
    for (size_t begin = 0; begin <= pattern.size();) {
        size_t end = std::min(pattern.find('/', begin), pattern.size());
        std::string_view name = pattern.substr(begin, end - begin);
        bool is_first = begin == 0, is_last = end == pattern.size();
        if (name == "..") return "it never matches, for patterns cannot leave the root by '..'";
        if (name == "." && (!is_first || is_last)) return "it never matches, for no path holds the name '.'";
        if (name.empty() && !is_first) return "it never matches, for no path holds '//'";
        begin = end + 1;
    }
    return "";
}

}  // namespace syncline
