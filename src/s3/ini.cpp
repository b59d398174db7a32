#include "s3/ini.hpp"

#include <fstream>
#include <sstream>
#include <string_view>

namespace syncline::s3 {
namespace {

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

std::string section_name(const std::string& line) {
    auto name = trimmed(std::string_view(line).substr(1, line.find(']') - 1));
    if (name.starts_with("profile ")) name = trimmed(name.substr(8));
    return name;
}

}  // namespace

IniFile parse_ini(const std::string& text) {
    IniFile file;
    IniSection* section = nullptr;
    std::istringstream lines(text);
    for (std::string raw; std::getline(lines, raw);) {
        const auto line = trimmed(raw);
        if (line.empty() || line[0] == '#' || line[0] == ';') continue;
        if (line[0] == '[') {
            section = &file[section_name(line)];
            continue;
        }
        const auto equals = line.find('=');
        // An indented line is nested under the key before it, which is none of ours.
        if (!section || equals == std::string::npos || raw[0] == ' ' || raw[0] == '\t') continue;
        (*section)[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
    }
    return file;
}

std::optional<std::string> read_small_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return std::nullopt;
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

}  // namespace syncline::s3
