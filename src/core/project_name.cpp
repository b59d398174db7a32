#include "core/project_name.hpp"

#include <algorithm>

namespace syncline {
namespace {

constexpr size_t digits_each = 8;
constexpr size_t tail_bytes = 2 * (digits_each + 1);
constexpr size_t longest_name = 255 - tail_bytes;
constexpr size_t removed_digits = 32;
constexpr std::string_view removed_prefix = ".syncline-removed-";

bool is_hex(std::string_view text, size_t digits) {
    auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == digits && std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

std::string project_directory(std::string_view name, std::string_view project, std::string_view client) {
    if (name.size() > longest_name) {
        size_t end = longest_name;
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;  // within a character
        name = name.substr(0, end);
    }
    std::string directory(name.empty() ? "root" : name);
    return directory.append("-").append(project).append("-").append(client);
}

std::optional<ProjectName> parse_project_directory(std::string_view directory) {
    if (directory.size() <= tail_bytes || directory.size() > longest_name + tail_bytes) return std::nullopt;
    if (directory.find('/') != directory.npos || directory.find('\0') != directory.npos) return std::nullopt;
    std::string_view tail = directory.substr(directory.size() - tail_bytes);
    if (tail[0] != '-' || tail[digits_each + 1] != '-') return std::nullopt;
    std::string_view project = tail.substr(1, digits_each), client = tail.substr(digits_each + 2);
    if (!is_hex(project, digits_each) || !is_hex(client, digits_each)) return std::nullopt;
    std::string_view name = directory.substr(0, directory.size() - tail_bytes);
    return ProjectName{std::string(name), std::string(project), std::string(client)};
}

std::string removed_name(std::string_view digits) { return std::string(removed_prefix) + std::string(digits); }

bool is_removed_name(std::string_view directory) {
    return directory.starts_with(removed_prefix) && is_hex(directory.substr(removed_prefix.size()), removed_digits);
}

}  // namespace syncline
