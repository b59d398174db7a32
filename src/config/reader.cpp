#include "config/reader.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/names.hpp"
#include "config/paths.hpp"
#include "core/filter.hpp"

namespace syncline {
namespace {

constexpr size_t longest_path = 4095;  // PATH_MAX without its NUL
constexpr size_t longest_shown = 80;

std::string shown(std::string_view text) {
    return escape(text.substr(0, longest_shown)) + (text.size() > longest_shown ? "..." : "");
}

std::string in_quotes(std::string_view text) { return "\"" + shown(text) + "\""; }

/// Nothing that long is a misspelling, and comparing it would take long.
std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
    return word.size() > longest_shown ? "" : did_you_mean(word, known);
}

}  // namespace

std::vector<std::string> KeyInfo::choice_list() const {
    std::vector<std::string> list;
    for (std::string_view rest = choices; !rest.empty();) {
        size_t bar = std::min(rest.find('|'), rest.size());
        list.emplace_back(rest.substr(0, bar));
        rest.remove_prefix(std::min(bar + 1, rest.size()));
    }
    return list;
}

void ParseContext::unknown_key(const TomlMember& member, const std::string& table_name,
                               const std::vector<std::string>& known) {
    if (errors.is_full()) return;
    std::string message = "unknown key '" + shown(member.name) + "'";
    if (!table_name.empty()) message += " in " + table_name;
    std::string near = suggestion(member.name, known);
    if (!near.empty()) message += "; did you mean '" + near + "'?";
    errors.add(member.position, std::move(message));
}

bool ParseContext::check_name(const TomlMember& member, std::string_view noun) {
    if (is_table_name(member.name)) return true;
    errors.add(member.position, in_quotes(member.name) + " cannot name a " + std::string(noun) +
                                    ": use up to 64 of A-Z a-z 0-9 _ and -, not beginning with '-'");
    return false;
}

void ValueReader::fail_at(Position position, std::string_view message) const {
    std::string text = "'" + std::string(key_.name) + "'";
    if (!table_name_.empty()) text += " in " + table_name_;
    context_.errors.add(position, text + " " + std::string(message));
}

void ValueReader::expected(std::string_view what) const {
    fail("must be " + std::string(what) + ", not " + std::string(toml_type_name(value_.type)));
}

const std::string* ValueReader::string_of(const TomlValue& value, std::string_view what) const {
    if (value.type != TomlValue::Type::string) {
        fail_at(value.position, "must be " + std::string(what) + ", not " + std::string(toml_type_name(value.type)));
    } else if (value.text.empty()) {
        fail_at(value.position, "must not be empty");
    } else if (value.text.find('\0') != std::string::npos) {
        fail_at(value.position, "must not hold a NUL byte");
    } else {
        return &value.text;
    }
    return nullptr;
}

bool ValueReader::is_table() const {
    if (value_.type == TomlValue::Type::table) return true;
    expected("a table");
    return false;
}

std::string ValueReader::inner_table_name() const {
    std::string outer = table_name_.empty() ? "[" : table_name_.substr(0, table_name_.size() - 1) + ".";
    return outer + std::string(key_.name) + "]";
}

void ValueReader::boolean(bool& out) const {
    if (value_.type == TomlValue::Type::boolean) {
        out = value_.truth;
    } else {
        expected("true or false");
    }
}

std::optional<int64_t> ValueReader::integer_within(int64_t least, int64_t most) const {
    if (value_.type != TomlValue::Type::integer) {
        expected("an integer");
        return std::nullopt;
    }
    if (value_.number >= least && value_.number <= most) return value_.number;
    fail("must be from " + std::to_string(least) + " to " + std::to_string(most) + ", not " +
         std::to_string(value_.number));
    return std::nullopt;
}

std::optional<std::string> ValueReader::expanded(const std::string& text, bool as_path) const {
    const ParseEnvironment& environment = context_.environment;
    Expansion expansion = as_path ? expand_path(text, environment) : expand_variables(text, environment);
    for (const std::string& name : expansion.variables) context_.variables.emplace(name, value_.position);
    if (!expansion.error.empty()) {
        fail(expansion.error);
    } else if (expansion.text.size() > longest_path) {
        fail("is longer than " + std::to_string(longest_path) + " bytes");
    } else {
        return std::move(expansion.text);
    }
    return std::nullopt;
}

void ValueReader::literal(std::string& out) const {
    if (const std::string* given = string()) out = *given;
}

void ValueReader::text(std::string& out) const {
    const std::string* given = string();
    auto full = given ? expanded(*given, false) : std::nullopt;
    if (!full) return;
    if (has_control_byte(*full)) {
        fail("must not hold control characters, such as a newline; rename what has one in its name");
    } else {
        out = std::move(*full);
    }
}

void ValueReader::argument(std::string& out) const {
    std::string given;
    text(given);
    if (given.starts_with('-')) {
        fail("must not begin with '-': a command would take " + in_quotes(given) + " as an option");
    } else if (!given.empty()) {
        out = std::move(given);
    }
}

void ValueReader::name(std::string& out, bool (*is_name)(std::string_view)) const {
    std::string given;
    argument(given);
    if (given.empty()) return;
    if (is_name(given)) {
        out = std::move(given);
    } else {
        fail("has characters that it cannot have: " + in_quotes(given));
    }
}

void ValueReader::command(std::string& out) const {
    const std::string* given = string("a command line in a string");
    if (!given) return;
    if (given->starts_with('-')) {
        fail("must not begin with '-': the shell would take it as an option");
    } else {
        out = *given;
    }
}

void ValueReader::path(std::string& out) const {
    const std::string* given = string("a path in a string");
    auto full = given ? expanded(*given, true) : std::nullopt;
    if (full) out = absolute_path(*full, context_.directory, context_.environment);
}

void ValueReader::duration(std::optional<Duration>& out) const {
    constexpr std::string_view what = "a duration in a string, such as \"30s\", \"45m\", \"12h\", \"30d\" or \"2w\"";
    const std::string* given = string(what);
    if (!given) return;
    if (auto duration = parse_duration(*given)) {
        out = duration;
    } else {
        fail("must be " + std::string(what) + ", over zero and under 100 years, not " + in_quotes(*given));
    }
}

void ValueReader::duration(Duration& out) const {
    std::optional<Duration> read;
    duration(read);
    if (read) out = *read;
}

void ValueReader::byte_rate(std::optional<uint64_t>& out) const {
    constexpr std::string_view what = "a size a second in a string, such as \"20 MiB/s\"";
    const std::string* given = string(what);
    if (!given) return;
    std::string_view size = *given;
    bool a_second = size.ends_with("/s");
    if (a_second) size.remove_suffix(2);
    auto rate = a_second ? parse_byte_count(size) : std::nullopt;
    if (rate) {
        out = rate;
    } else {
        fail("must be " + std::string(what) + ", over zero and with its unit, not " + in_quotes(*given));
    }
}

bool ValueReader::texts(std::vector<std::string>& out) const {
    if (value_.type != TomlValue::Type::array) {
        expected("a list of strings");
        return false;
    }
    size_t before = out.size();
    for (const TomlValue& item : value_.items) {
        if (const std::string* text = string_of(item, "a list of strings")) out.push_back(*text);
    }
    return out.size() - before == value_.items.size();
}

void ValueReader::globs(std::vector<GlobRule>& out) const {
    if (value_.type != TomlValue::Type::array) return expected("a list of patterns");
    for (const TomlValue& item : value_.items) {
        const std::string* pattern = string_of(item, "a list of patterns");
        if (!pattern) continue;
        std::string why = why_never_matching(*pattern);
        auto glob = why.empty() ? Glob::compile(*pattern, why) : std::nullopt;
        if (glob) {
            out.push_back({std::move(*glob), "", context_.file_name + ":" + std::to_string(item.position.line)});
        } else {
            fail_at(item.position, "has the pattern " + in_quotes(*pattern) + ": " + why);
        }
    }
}

std::optional<size_t> ValueReader::choice_index() const {
    std::vector<std::string> choices = key_.choice_list();
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "\"" : " or \"") + choice + "\"";
    const std::string* given = string(all);
    if (!given) return std::nullopt;
    auto found = std::find(choices.begin(), choices.end(), *given);
    if (found != choices.end()) return static_cast<size_t>(found - choices.begin());
    std::string near = suggestion(*given, choices);
    fail("must be " + all + ", not " + in_quotes(*given) + (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    return std::nullopt;
}

}  // namespace syncline
