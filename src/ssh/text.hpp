// Small helpers for text that others wrote: ssh_config's lines, known_hosts, key files. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::ssh {

/// The parts between separators, empty ones too. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The parts between blanks (space, tab, carriage return), no empty ones.
std::vector<std::string_view> words(std::string_view text);

/// ASCII only.
std::string to_lower(std::string_view text);

/// RFC 4648 with or without padding, blanks and newlines skipped; nullopt for anything else.
std::optional<std::string> decode_base64(std::string_view text);

/// The last line of `text` that is not empty, escaped and cut to a length that suits a message.
std::string last_line(std::string_view text);

}  // namespace syncline::ssh
