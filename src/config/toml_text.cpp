#include "config/toml_text.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/text.hpp"

namespace syncline {
namespace {

constexpr int max_depth = 16;
constexpr int max_dots_in_key = 16;

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

/// Looks for a key with more dots than any job file needs. The TOML library limits how deeply values nest but not how
/// many parts a key has, and would overflow the stack over a key of a million parts. Up to the first syntax error this
/// agrees with the library about where strings and comments are; behind it nobody reads on.
class DotCounter {
  public:
    explicit DotCounter(std::string_view text) : text_(text) {}

    std::optional<Position> find_long_key() {
        while (at_ < text_.size()) {
            char c = text_[at_];
            if (c == '#') {
                skip_comment();
            } else if (c == '"' || c == '\'') {
                skip_string(c);
            } else {
                if (c == '.' && ++dots_ > max_dots_in_key) return position();
                if (c == '\n' || c == '=' || c == ',' || c == '{') dots_ = 0;
                ++at_;
            }
        }
        return std::nullopt;
    }

  private:
    void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }

    void skip_string(char quote) {
        std::string_view rest = text_.substr(at_);
        bool multi_line = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
        at_ += multi_line ? 3 : 1;
        for (; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == '\\' && quote == '"') {
                ++at_;
            } else if (c == quote && (!multi_line || text_.substr(at_, 3) == std::string(3, quote))) {
                break;
            } else if (c == '\n' && !multi_line) {
                return;
            }
        }
        if (at_ >= text_.size()) return;
        // A multi-line string may end in up to two quotes of its own before the closing three.
        size_t closing = multi_line ? 3 : 1;
        if (multi_line) {
            while (closing < 5 && at_ + closing < text_.size() && text_[at_ + closing] == quote) ++closing;
        }
        at_ += closing;
    }

    Position position() const {
        std::string_view before = text_.substr(0, at_);
        size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
        return {static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                static_cast<int>(at_ - line_start) + 1};
    }

    std::string_view text_;
    size_t at_ = 0;
    int dots_ = 0;
};

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

TomlValue read_toml(std::string_view text, Diagnostics& errors) {
    if (auto place = DotCounter(text).find_long_key()) {
        errors.add(*place, "this key has too many parts");
        return {};
    }
    try {
        toml::table table = toml::parse(text);
        return Converter(errors).convert(table, 0);
    } catch (const toml::parse_error& error) {
        errors.add(position_of(error.source()), "not valid TOML: " + escape(error.description()));
        return {};
    }
}

}  // namespace syncline
