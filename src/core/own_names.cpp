#include "core/own_names.hpp"

#include <algorithm>
#include <cstdio>

namespace syncline {
namespace {

constexpr size_t mark_digits = 16, tail_digits = 16, kept_digits = 8;
constexpr size_t longest_file_name = 255;
constexpr std::string_view kept_infix = ".syncline-kept-";

bool are_hex(std::string_view digits) {
    auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return std::all_of(digits.begin(), digits.end(), is_hex);
}

/// FNV-1a: nobody gains by two names with one mark, as it only says where something may go back to.
std::string mark_of(std::string_view name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    char digits[mark_digits + 1];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return digits;
}

/// The beginning of `name`, not cut within a character of UTF-8.
std::string_view clip_name(std::string_view name, size_t size) {
    if (name.size() <= size) return name;
    while (size > 0 && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
    return name.substr(0, size);
}

}  // namespace

bool is_aside_name(std::string_view name) {
    return name.size() == aside_prefix.size() + mark_digits + tail_digits && name.starts_with(aside_prefix) &&
           are_hex(name.substr(aside_prefix.size()));
}

std::string aside_name(std::string_view name, std::string_view tail) {
    return std::string(aside_prefix).append(mark_of(name)).append(tail);
}

bool is_aside_of(std::string_view aside, std::string_view name) {
    return is_aside_name(aside) && aside.substr(aside_prefix.size(), mark_digits) == mark_of(name);
}

std::string_view aside_tail(std::string_view aside) { return aside.substr(aside_prefix.size() + mark_digits); }

bool is_kept_name(std::string_view name) {
    constexpr size_t added = kept_infix.size() + kept_digits;
    if (name.size() <= added) return false;
    std::string_view end = name.substr(name.size() - added);
    return end.starts_with(kept_infix) && are_hex(end.substr(kept_infix.size()));
}

std::string kept_name(std::string_view name, std::string_view eight_digits) {
    std::string kept(clip_name(name, longest_file_name - kept_infix.size() - kept_digits));
    return kept.append(kept_infix).append(eight_digits);
}

}  // namespace syncline
