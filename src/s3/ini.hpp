// The AWS shared files (~/.aws/config, ~/.aws/credentials): sections of `name = value`. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace syncline::s3 {

using IniSection = std::map<std::string, std::string>;
using IniFile = std::map<std::string, IniSection>;

/// Lines that are no `name = value` are skipped; a section's name is without its brackets, and without "profile ".
IniFile parse_ini(const std::string& text);

/// The file's content; nullopt when it cannot be read.
std::optional<std::string> read_small_file(const std::string& path);

}  // namespace syncline::s3
