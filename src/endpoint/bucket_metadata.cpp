#include "endpoint/bucket_metadata.hpp"

#include <charconv>

namespace syncline {
namespace {

constexpr size_t longest_value = 256;
/// Of all metadata together a store keeps 2 KiB; the rest is for what else is in it.
constexpr size_t longest_link = 1536;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
           c == '-' || c == '_' || c == '~';
}

std::string percent_encode(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string text;
    for (char c : bytes) {
        auto byte = static_cast<unsigned char>(c);
        if (is_plain(c)) {
            text += c;
        } else {
            text += '%';
            text += digits[byte >> 4];
            text += digits[byte & 15];
        }
    }
    return text;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string bytes;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) return std::nullopt;
        auto [end, error] = std::from_chars(&text[i + 1], &text[i + 1] + 2, value, 16);
        if (error != std::errc{} || end != &text[i + 1] + 2) return std::nullopt;
        bytes += static_cast<char>(value);
        i += 2;
    }
    return bytes;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base) {
    Number value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string piece_name(size_t index) { return "symlink-target" + (index == 0 ? "" : "-" + std::to_string(index + 1)); }

std::string octal(uint16_t mode) {
    char digits[8];
    auto [end, error] = std::to_chars(digits, digits + sizeof digits, mode, 8);
    return "0" + std::string(digits, end);
}

ObjectMetadata with_plain_names(const ObjectMetadata& metadata) {
    ObjectMetadata plain;
    for (const auto& [name, value] : metadata) {
        std::string plain_name;
        for (char c : name) plain_name += c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        plain.emplace(std::move(plain_name), value);
    }
    return plain;
}

std::optional<std::string> read_link(const ObjectMetadata& metadata) {
    std::string encoded;
    for (size_t i = 0;; ++i) {
        auto found = metadata.find(piece_name(i));
        if (found == metadata.end()) break;
        encoded += found->second;
    }
    std::optional<std::string> target = percent_decode(encoded);
    bool is_possible = target && !target->empty() && target->find('\0') == std::string::npos;
    return is_possible ? target : std::nullopt;
}

/// 16 bytes in base64, which are 24 characters.
std::string read_base64_md5(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() != 24 || !text.ends_with("==")) return "";
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (char c : text.substr(0, 22)) {
        size_t value = alphabet.find(c);
        if (value == std::string_view::npos) return "";
        bits = bits << 6 | static_cast<uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes += static_cast<char>(bits >> count & 0xff);
    }
    return bytes;
}

}  // namespace

std::string format_mtime(TimeNs time) {
    auto magnitude = time < 0 ? 0 - static_cast<uint64_t>(time) : static_cast<uint64_t>(time);
    std::string fraction = std::to_string(magnitude % ns_per_second);
    return (time < 0 ? "-" : "") + std::to_string(magnitude / ns_per_second) + "." +
           std::string(9 - fraction.size(), '0') + fraction;
}

std::optional<TimeNs> parse_mtime(std::string_view text) {
    bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    size_t dot = text.find('.');
    std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
    if (fraction.size() > 9 || (dot != std::string_view::npos && fraction.empty())) return std::nullopt;
    fraction.resize(9, '0');
    std::optional<uint64_t> seconds = parse_number<uint64_t>(text.substr(0, dot), 10);
    std::optional<uint64_t> nanoseconds = parse_number<uint64_t>(fraction, 10);
    constexpr uint64_t most_seconds = INT64_MAX / ns_per_second - 1;
    if (!seconds || !nanoseconds || *seconds > most_seconds) return std::nullopt;
    auto time = static_cast<TimeNs>(*seconds * ns_per_second + *nanoseconds);
    return is_negative ? -time : time;
}

std::optional<ObjectMetadata> write_metadata(const ObjectFacts& facts) {
    ObjectMetadata metadata;
    if (facts.sha256) metadata["sha256"] = facts.sha256->hex();
    if (facts.mode) metadata["mode"] = octal(*facts.mode);
    if (facts.mtime) metadata["mtime"] = format_mtime(*facts.mtime);
    if (!facts.link) return metadata;
    std::string encoded = percent_encode(*facts.link);
    if (encoded.size() > longest_link) return std::nullopt;
    for (size_t i = 0; i * longest_value < encoded.size(); ++i) {
        metadata[piece_name(i)] = encoded.substr(i * longest_value, longest_value);
    }
    return metadata;
}

ObjectFacts read_metadata(const ObjectMetadata& metadata) {
    ObjectMetadata plain = with_plain_names(metadata);
    ObjectFacts facts;
    auto text = [&](const char* name) {
        auto found = plain.find(name);
        return found == plain.end() ? std::string() : found->second;
    };
    facts.sha256 = Digest::from_hex(text("sha256"));
    facts.mode = parse_number<uint16_t>(text("mode"), 8);
    if (facts.mode && *facts.mode > 07777) facts.mode.reset();
    facts.mtime = parse_mtime(text("mtime"));
    facts.link = read_link(plain);
    facts.md5 = read_base64_md5(text("md5chksum"));
    return facts;
}

std::string link_body(const Digest& sha256_of_target) { return "syncline-symlink " + sha256_of_target.hex() + "\n"; }

}  // namespace syncline
