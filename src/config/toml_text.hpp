// TOML text as plain values with their positions, in the order of the file. The only place that knows the TOML library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.hpp"

namespace syncline {

struct TomlMember;

struct TomlValue {
    enum class Type : uint8_t { string, integer, real, boolean, time, array, table };
    Type type = Type::table;
    Position position;
    std::string text;                 ///< string
    int64_t number = 0;               ///< integer
    bool truth = false;               ///< boolean
    std::vector<TomlValue> items;     ///< array
    std::vector<TomlMember> members;  ///< table

    const TomlValue* find(std::string_view name) const;
};

struct TomlMember {
    std::string name;
    Position position;  ///< of the key
    TomlValue value;
};

/// "a string", "an integer": for messages.
std::string_view toml_type_name(TomlValue::Type type);

/// The top-level table, nullopt when it cannot be read: a syntax error is one diagnostic, and reading stops there.
/// Tables and keys that repeat others are one each; the first of a name is what counts then, so that the rest can be
/// checked. Values nested deeper than any job file needs are an error too, so that nothing recurses further than the
/// text's author was allowed to go.
std::optional<TomlValue> read_toml(std::string_view text, Diagnostics& errors);

}  // namespace syncline
