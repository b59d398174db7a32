#include "status/http_request.hpp"

#include <algorithm>

namespace syncline::status {
namespace {

constexpr std::string_view line_end = "\r\n";

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (lower_case(c) >= 'a' && lower_case(c) <= 'z'); }

/// A `token`: a method, or the name of a header.
bool is_http_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() &&
           std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || marks.find(c) != marks.npos; });
}

/// Without blanks, control bytes and what is not ASCII.
bool is_request_target(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// A lone CR or LF would end the line for some who read it.
bool is_header_value(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return c == '\t' || (byte >= ' ' && byte != 0x7f);
    });
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    size_t begin = text.find_first_not_of(blanks);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

/// Takes what stands before `end` off `text`, and `end`; all of it where there is none.
std::string_view take_until(std::string_view& text, std::string_view end) {
    std::string_view taken = text.substr(0, text.find(end));
    text.remove_prefix(std::min(text.size(), taken.size() + end.size()));
    return taken;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = lower_case(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// What only looks like %XX stays: it names no page either.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        bool is_coded =
            text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
        if (is_coded) {
            out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

bool same_name(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, lower_case, lower_case);
}

}  // namespace

std::vector<std::string> HttpRequest::values_of(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [its_name, value] : headers) {
        if (same_name(its_name, name)) values.push_back(value);
    }
    return values;
}

std::optional<HttpRequest> parse_http_request(std::string_view head) {
    std::string_view line = take_until(head, line_end);
    HttpRequest request;
    request.method = take_until(line, " ");
    std::string_view target = take_until(line, " ");
    bool is_known = line == "HTTP/1.1" || line == "HTTP/1.0";
    if (!is_known || !is_http_token(request.method) || !is_request_target(target)) return std::nullopt;
    request.path = percent_decoded(target.substr(0, target.find('?')));
    while (!head.empty()) {
        std::string_view value = take_until(head, line_end);
        if (value.find(':') == value.npos) return std::nullopt;
        std::string_view name = take_until(value, ":");
        value = without_blanks(value);
        // A line that goes on with the one before begins with a blank, so its name is none.
        if (!is_http_token(name) || !is_header_value(value)) return std::nullopt;
        request.headers.emplace_back(name, value);
    }
    return request;
}

}  // namespace syncline::status
