#include "config/toml_text.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/text.hpp"
#include "config/toml_scan.hpp"

namespace syncline {
namespace {

constexpr int max_depth = 16;
constexpr int most_repetitions = 100;
constexpr size_t most_reread_bytes = 8 << 20;

Position position_of(const toml::source_region& source) {
    return {static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
}

class Converter {
  public:
    explicit Converter(Diagnostics& errors) : errors_(errors) {}

    TomlValue convert(const toml::node& node, int depth) {
        TomlValue value;
        value.position = position_of(node.source());
        if (depth > max_depth) {
            errors_.add(value.position, "tables and lists are nested too deeply here");
            return value;
        }
        if (const toml::table* table = node.as_table()) {
            convert_table(*table, depth, value);
        } else if (const toml::array* array = node.as_array()) {
            value.type = TomlValue::Type::array;
            for (const toml::node& item : *array) value.items.push_back(convert(item, depth + 1));
        } else {
            convert_scalar(node, value);
        }
        return value;
    }

  private:
    void convert_table(const toml::table& table, int depth, TomlValue& value) {
        value.type = TomlValue::Type::table;
        for (auto&& [key, member] : table) {
            value.members.push_back({std::string(key.str()), position_of(key.source()), convert(member, depth + 1)});
        }
        std::sort(value.members.begin(), value.members.end(), [](const TomlMember& a, const TomlMember& b) {
            return std::tie(a.position, a.name) < std::tie(b.position, b.name);
        });
    }

    static void convert_scalar(const toml::node& node, TomlValue& value) {
        if (auto* text = node.as_string()) {
            value.type = TomlValue::Type::string;
            value.text = text->get();
        } else if (auto* number = node.as_integer()) {
            value.type = TomlValue::Type::integer;
            value.number = number->get();
        } else if (auto* truth = node.as_boolean()) {
            value.type = TomlValue::Type::boolean;
            value.truth = truth->get();
        } else {
            value.type = node.is_floating_point() ? TomlValue::Type::real : TomlValue::Type::time;
        }
    }

    Diagnostics& errors_;
};

/// The library's own words are escaped already as far as they show a character, so backslashes stay as they are.
std::string shown_description(std::string_view text) {
    std::string shown;
    for (size_t slash; (slash = text.find('\\')) != std::string_view::npos; text.remove_prefix(slash + 1))
        shown += escape(text.substr(0, slash)) + "\\";
    return shown + escape(text);
}

/// The path of a table or key that is written as `name`.
std::vector<std::string> parts_of(const std::string& name) {
    std::vector<std::string> parts;
    toml::table outer = toml::parse("[" + name + "]");
    for (const toml::table* table = &outer; table && !table->empty(); table = table->begin()->second.as_table())
        parts.emplace_back(table->begin()->first.str());
    return parts;
}

/// Where the nodes of `parts` stand first in `start`, as deep as they go; nullptr when not even the first is there.
const toml::key* find_first(const toml::table& start, const std::vector<std::string>& parts) {
    const toml::key* first = nullptr;
    const toml::table* table = &start;
    for (const std::string& part : parts) {
        auto found = table ? table->find(part) : toml::table::const_iterator{};
        if (!table || found == table->end()) break;
        first = &found->first;
        table = found->second.as_table();
    }
    return first;
}

/// A definition that repeats another, as the library found it; nullopt for any other error, and where inline tables or
/// long keys leave open what belongs to it.
std::optional<Definition> repeated_definition(std::string_view text, const toml::parse_error& error) {
    std::string_view what = error.description();
    if (what.find("cannot redefine existing") == std::string_view::npos) return std::nullopt;
    bool is_table = what.find("table header") != std::string_view::npos;
    Position place = position_of(error.source());
    if (!is_table) {
        auto found = definition_in_line(text, place.line);
        bool is_inline = !found || found->is_table || place.column > found->value_column;
        return is_inline ? std::nullopt : found;
    }
    // Some errors of a header are placed behind it. The library garbles quoted names, so those are taken as they come.
    for (int line : {place.line, place.line - 1}) {
        auto found = line > 0 ? definition_in_line(text, line) : std::nullopt;
        if (!found || !found->is_table || found->name.empty()) continue;
        bool is_quoted = found->name.find_first_of("\"'") != std::string::npos && line < place.line;
        if (is_quoted || what.find("'" + found->name.substr(0, 40)) != std::string_view::npos) return found;
    }
    return std::nullopt;
}

/// "duplicate key 'root' in [jobs.a]; first at line 3". `before` is the text up to the definition.
std::string describe_repetition(std::string_view before, const Definition& definition) {
    std::string table = definition.is_table ? "" : last_table(before);
    std::string what = definition.is_table ? "duplicate table [" + escape(definition.name) + "]"
                                           : "duplicate key '" + escape(definition.name) + "'";
    if (!table.empty()) what += " in [" + escape(table) + "]";
    try {
        toml::table known = toml::parse(before);
        std::vector<std::string> parts = table.empty() ? std::vector<std::string>{} : parts_of(table);
        for (std::string& part : parts_of(definition.name)) parts.push_back(std::move(part));
        const toml::key* first = find_first(known, parts);
        if (first) what += "; first at line " + std::to_string(position_of(first->source()).line);
    } catch (const toml::parse_error&) {
        return what;  // then the place of the first is not known
    }
    return what;
}

}  // namespace

const TomlValue* TomlValue::find(std::string_view name) const {
    auto found =
        std::find_if(members.begin(), members.end(), [&](const TomlMember& member) { return member.name == name; });
    return found == members.end() ? nullptr : &found->value;
}

std::string_view toml_type_name(TomlValue::Type type) {
    switch (type) {
        case TomlValue::Type::string: return "a string";
        case TomlValue::Type::integer: return "an integer";
        case TomlValue::Type::real: return "a floating-point number";
        case TomlValue::Type::boolean: return "a boolean";
        case TomlValue::Type::time: return "a date or time";
        case TomlValue::Type::array: return "a list";
        case TomlValue::Type::table: return "a table";
    }
    return "a value";
}

std::optional<TomlValue> read_toml(std::string_view text, Diagnostics& errors) {
    if (auto place = find_long_key(text)) {
        errors.add(*place, "this key has too many parts");
        return std::nullopt;
    }
    // The library stops at its first error. What repeats a name is blanked, so that the rest is looked at, too.
    std::string rest(text);
    size_t budget = most_reread_bytes;
    for (int repetitions = 0;; ++repetitions) {
        try {
            toml::table table = toml::parse(rest);
            size_t known = errors.size();
            TomlValue value = Converter(errors).convert(table, 0);
            if (errors.size() > known) return std::nullopt;
            return value;
        } catch (const toml::parse_error& error) {
            auto definition = repeated_definition(rest, error);
            if (!definition || repetitions == most_repetitions || rest.size() > budget) {
                errors.add(position_of(error.source()), "not valid TOML: " + shown_description(error.description()));
                return std::nullopt;
            }
            budget -= rest.size();
            std::string_view before = std::string_view(rest).substr(0, definition->begin);
            errors.add(definition->position, describe_repetition(before, *definition));
            for (size_t at = definition->begin; at < definition->end; ++at) {
                if (rest[at] != '\n' && rest[at] != '\r') rest[at] = ' ';
            }
        }
    }
}

}  // namespace syncline
