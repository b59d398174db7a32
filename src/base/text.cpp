#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <utility>

namespace syncline {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `bytes`; 0 when there is none.
size_t utf8_length(std::string_view bytes) {
    auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
    auto is_continuation = [&](size_t i) { return i < bytes.size() && (byte(i) & 0xC0) == 0x80; };
    if (bytes.empty()) return 0;
    uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4 || !is_continuation(1)) return 0;
    if (first < 0xE0) return 2;
    uint8_t second = byte(1);
    if (first < 0xF0) {
        bool overlong = first == 0xE0 && second < 0xA0;
        bool surrogate = first == 0xED && second > 0x9F;
        return !overlong && !surrogate && is_continuation(2) ? 3 : 0;
    }
    bool overlong = first == 0xF0 && second < 0x90;
    bool beyond = first == 0xF4 && second > 0x8F;
    return !overlong && !beyond && is_continuation(2) && is_continuation(3) ? 4 : 0;
}

/// C1 controls (U+0080 to U+009F) steer some terminals as ESC does.
bool is_c1_control(std::string_view sequence) {
    return sequence.size() == 2 && static_cast<uint8_t>(sequence[0]) == 0xC2 &&
           static_cast<uint8_t>(sequence[1]) < 0xA0;
}

/// Characters that show nothing themselves and change how others are shown: zero-width and direction marks, separators.
bool is_invisible(std::string_view sequence) {
    if (sequence.size() != 3) return false;
    auto byte = [&](size_t i) { return static_cast<uint8_t>(sequence[i]); };
    unsigned code = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

void append_hex(std::string& out, char byte) {
    char buffer[5];
    std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<uint8_t>(byte));
    out += buffer;
}

void append_escaped_ascii(std::string& out, char c) {
    switch (c) {
        case '\n': out += "\\n"; return;
        case '\t': out += "\\t"; return;
        case '\r': out += "\\r"; return;
        case '\\': out += "\\\\"; return;
        default: break;
    }
    if (c < 0x20 || c == 0x7F) {
        append_hex(out, c);
    } else {
        out += c;
    }
}

/// Two neighbours that changed places count as one edit.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before, last(b.size() + 1), row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
        before = std::exchange(last, row);
        row[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            size_t replaced = last[j] + (a[i] == b[j] ? 0 : 1);
            row[j + 1] = std::min({row[j] + 1, last[j + 1] + 1, replaced});
            bool is_swap = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
            if (is_swap) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
        }
    }
    return row.back();
}

}  // namespace

std::string escape(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        size_t length = utf8_length(bytes);
        std::string_view sequence = bytes.substr(0, std::max<size_t>(length, 1));
        if (length == 1) {
            append_escaped_ascii(out, sequence[0]);
        } else if (length == 0 || is_c1_control(sequence) || is_invisible(sequence)) {
            for (char byte : sequence) append_hex(out, byte);
        } else {
            out += sequence;
        }
        bytes.remove_prefix(sequence.size());
    }
    return out;
}

Utf8Character utf8_at(std::string_view bytes, size_t at) {
    std::string_view rest = bytes.substr(at);
    size_t length = utf8_length(rest);
    auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<uint8_t>(rest[i])); };
    constexpr char32_t behind_unicode = 0x110000;
    if (length == 0) return {behind_unicode + byte(0), 1};
    if (length == 1) return {byte(0), 1};
    char32_t code = byte(0) & (0x7Fu >> length);
    for (size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3F);
    return {code, length};
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        size_t length = utf8_length(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string utf8_lossy(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        size_t length = utf8_length(bytes);
        if (length == 0) {
            out += "\xEF\xBF\xBD";
        } else {
            out += bytes.substr(0, length);
        }
        bytes.remove_prefix(std::max<size_t>(length, 1));
    }
    return out;
}

std::string base64(std::string_view bytes) {
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        size_t count = std::min<size_t>(3, bytes.size() - i);
        uint32_t group = 0;
        for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0);
        for (size_t j = 0; j < 4; ++j) out += j <= count ? alphabet[group >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        size_t distance = edit_distance(word, candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string sh_quote(std::string_view text) {
    static constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,-";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) return std::string(text);
    std::string quoted = "'";
    for (char letter : text) {
        if (letter == '\'') {
            quoted += "'\\''";
        } else {
            quoted += letter;
        }
    }
    return quoted + "'";
}

std::string count_of(size_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace syncline
