#include "base/lines.hpp"

#include <algorithm>

namespace syncline {

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::optional<std::string_view> take_field(std::string_view& text) {
    size_t end = text.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view field = text.substr(0, end);
    text.remove_prefix(end + 1);
    return field;
}

std::string_view take_word(std::string_view& text) {
    size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

}  // namespace syncline
