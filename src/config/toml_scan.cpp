#include "config/toml_scan.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr int max_dots_in_key = 16;

class Scanner {
  public:
    explicit Scanner(std::string_view text, size_t at = 0) : text_(text), at_(at) {}

    bool at_end() const { return at_ >= text_.size(); }
    size_t at() const { return std::min(at_, text_.size()); }

    /// The next character that is in no string and no comment, which are passed over; '\0' at the end.
    char next() {
        while (!at_end()) {
            char c = text_[at_];
            if (c == '#') {
                skip_comment();
            } else if (c == '"' || c == '\'') {
                skip_string(c);
            } else {
                ++at_;
                return c;
            }
        }
        return '\0';
    }

  private:
    void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    void skip_string(char quote) {
        std::string_view rest = text_.substr(at_);
        bool multi_line = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
        at_ += multi_line ? 3 : 1;
        for (; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == '\\' && quote == '"') {
                ++at_;
            } else if (c == quote && (!multi_line || text_.substr(at_, 3) == std::string(3, quote))) {
                break;
            } else if (c == '\n' && !multi_line) {
                return;
            }
        }
        if (at_ >= text_.size()) return;
        // A multi-line string may end in up to two quotes of its own before the closing three.
        size_t closing = multi_line ? 3 : 1;
        if (multi_line) {
            while (closing < 5 && at_ + closing < text_.size() && text_[at_ + closing] == quote) ++closing;
        }
        at_ += closing;
    }

    std::string_view text_;
    size_t at_ = 0;
};

size_t start_of_line(std::string_view text, int line) {
    size_t at = 0;
    for (; line > 1 && at < text.size(); --line) at = std::min(text.find('\n', at), text.size() - 1) + 1;
    return at;
}

/// Behind the value that the scanner stands before: the first line's end outside of its brackets.
size_t end_of_value(Scanner scanner) {
    int depth = 0;
    while (!scanner.at_end()) {
        char c = scanner.next();
        if (c == '[' || c == '{') ++depth;
        if (c == ']' || c == '}') --depth;
        if (c == '\n' && depth <= 0) return scanner.at() - 1;
    }
    return scanner.at();
}

/// Where the next header begins a line.
size_t end_of_table(std::string_view text, size_t at) {
    while (at < text.size()) {
        size_t begin = text.find_first_not_of(" \t\r\n", at);
        if (begin == std::string_view::npos || text[begin] == '[') return std::min(begin, text.size());
        at = end_of_value(Scanner(text, begin)) + 1;
    }
    return text.size();
}

std::string trimmed(std::string_view text) {
    size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
    return begin == std::string_view::npos ? "" : std::string(text.substr(begin, end - begin + 1));
}

}  // namespace

std::optional<Position> find_long_key(std::string_view text) {
    Scanner scanner(text);
    int dots = 0;
    while (!scanner.at_end()) {
        char c = scanner.next();
        if (c == '\n' || c == '=' || c == ',' || c == '{') dots = 0;
        if (c != '.' || ++dots <= max_dots_in_key) continue;
        size_t at = scanner.at() - 1;
        std::string_view before = text.substr(0, at);
        size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
        return Position{static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                        static_cast<int>(at - line_start) + 1};
    }
    return std::nullopt;
}

std::string last_table(std::string_view text) {
    size_t header = std::string_view::npos;
    for (size_t at = 0; at < text.size();) {
        size_t begin = text.find_first_not_of(" \t\r\n", at);
        if (begin == std::string_view::npos) break;
        if (text[begin] == '[') header = begin;
        at = end_of_value(Scanner(text, begin)) + 1;
    }
    auto found = header == std::string_view::npos ? std::nullopt : definition_in_line(text.substr(header), 1);
    return found ? found->name : "";
}

std::optional<Definition> definition_in_line(std::string_view text, int line) {
    size_t line_start = start_of_line(text, line);
    size_t begin = text.find_first_not_of(" \t", line_start);
    if (begin == std::string_view::npos || text[begin] == '\n') return std::nullopt;
    Definition found;
    found.begin = begin;
    found.position = {line, static_cast<int>(begin - line_start) + 1};
    found.is_table = text[begin] == '[';
    size_t name_begin = text.find_first_not_of('[', begin);
    Scanner scanner(text, name_begin);
    char c = '.';
    while (c != '\n' && c != '\0' && c != (found.is_table ? ']' : '=')) c = scanner.next();
    if (c == '\n' || c == '\0') return std::nullopt;
    found.name = trimmed(text.substr(name_begin, scanner.at() - 1 - name_begin));
    size_t value = std::min(text.find_first_not_of(" \t", scanner.at()), text.size());
    found.value_column = 1 + static_cast<int>(std::count_if(text.begin() + static_cast<std::ptrdiff_t>(line_start),
                                                            text.begin() + static_cast<std::ptrdiff_t>(value),
                                                            [](char byte) { return (byte & 0xC0) != 0x80; }));
    size_t header_end = end_of_value(scanner);
    found.end = found.is_table ? end_of_table(text, header_end) : header_end;
    return found;
}

}  // namespace syncline
