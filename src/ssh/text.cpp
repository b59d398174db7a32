#include "ssh/text.hpp"

#include <cstdint>

#include "base/text.hpp"

namespace syncline::ssh {
namespace {

int base64_value(char letter) {
    if (letter >= 'A' && letter <= 'Z') return letter - 'A';
    if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9') return letter - '0' + 52;
    if (letter == '+') return 62;
    return letter == '/' ? 63 : -1;
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    std::vector<std::string_view> found;
    while (true) {
        auto begin = text.find_first_not_of(blanks);
        if (begin == std::string_view::npos) return found;
        text.remove_prefix(begin);
        auto end = std::min(text.find_first_of(blanks), text.size());
        found.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

std::string to_lower(std::string_view text) {
    std::string lower(text);
    for (char& letter : lower) {
        if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    return lower;
}

std::optional<std::string> decode_base64(std::string_view text) {
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    bool padding = false;
    for (char letter : text) {
        if (letter == '\n' || letter == '\r' || letter == ' ') continue;
        if (letter == '=') {
            padding = true;
            continue;
        }
        int value = base64_value(letter);
        if (value < 0 || padding) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
    }
    return bytes;
}

std::string last_line(std::string_view text) {
    constexpr size_t longest = 400;
    std::string_view last;
    for (auto line : split(text, '\n')) {
        while (line.ends_with('\r')) line.remove_suffix(1);
        if (!words(line).empty()) last = line;
    }
    return escape(last.substr(0, longest));
}

}  // namespace syncline::ssh
