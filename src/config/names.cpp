#include "config/names.hpp"

#include <algorithm>

namespace syncline {
namespace {

/// Whether `name` is made of ASCII letters, digits and `others`, and begins with anything but '-'.
bool is_made_of(std::string_view name, std::string_view others) {
    auto is_allowed = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               others.find(c) != std::string_view::npos;
    };
    return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), is_allowed);
}

}  // namespace

bool is_table_name(std::string_view name) { return name.size() <= 64 && is_made_of(name, "_-"); }
bool is_server_name(std::string_view name) { return is_made_of(name, "._-+%:"); }
bool is_user_name(std::string_view name) { return is_made_of(name, "._-+%@"); }
bool is_storage_name(std::string_view name) { return is_made_of(name, "._-"); }

bool has_control_byte(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace syncline
