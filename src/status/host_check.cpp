#include "status/host_check.hpp"

#include <algorithm>
#include <cctype>

namespace syncline::status {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// 127.x.y.z in plain decimal; a name such as 127.evil.example is none.
bool is_loopback_ipv4(std::string_view name) {
    if (!name.starts_with("127.") || std::ranges::count(name, '.') != 3) return false;
    size_t digits = 0;
    for (char c : name) {
        if (c != '.' && !is_digit(c)) return false;
        digits = c == '.' ? 0 : digits + 1;
        if (digits > 3) return false;
    }
    return is_digit(name.back()) && name.find("..") == std::string_view::npos;
}

}  // namespace

bool is_own_host(std::string_view host) {
    size_t colon = host.rfind(':');
    bool has_port = colon != std::string_view::npos && (host.empty() || host.back() != ']');
    if (has_port) {
        std::string_view port = host.substr(colon + 1);
        if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
        host = host.substr(0, colon);
    }
    std::string name = lower(host);
    return name == "localhost" || name == "[::1]" || is_loopback_ipv4(name);
}

bool is_own_origin(std::string_view origin, std::string_view host) { return lower(origin) == "http://" + lower(host); }

}  // namespace syncline::status
