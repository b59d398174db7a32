// Where things stand in the text of a TOML file, found without reading it as TOML: for what the TOML library does not
// tell. Up to the first syntax error this agrees with the library about strings and comments. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/job.hpp"

namespace syncline {

/// The first key with more dots than any job file needs.
std::optional<Position> find_long_key(std::string_view text);

/// A table with its header, or a key with its value, that begins the line.
struct Definition {
    size_t begin = 0, end = 0;  ///< in the text
    Position position;
    int value_column = 0;  ///< where a key's value begins, in code points
    std::string name;      ///< as written, without brackets
    bool is_table = false;
};

/// The one whose header or key stands in this line (from 1); nullopt when the line begins with neither.
std::optional<Definition> definition_in_line(std::string_view text, int line);

/// What the last header of the text names, as written; "" without one.
std::string last_table(std::string_view text);

}  // namespace syncline
