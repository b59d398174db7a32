// Readers of single values: each checks type and range, reports what is wrong with key, table and position, and leaves
// the target as it was then. Nothing here throws, whatever the text holds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "config/diagnostic.hpp"
#include "config/environment.hpp"
#include "config/toml_text.hpp"

namespace syncline {

struct GlobRule;

/// The tables in which keys stand.
enum class TableKind : uint8_t { file, status, engine, host, bucket, job, clean, password, quota_source, credentials };

/// What a value looks like in TOML.
enum class Shape : uint8_t {
    boolean,
    integer,
    text,
    choice,      ///< one of KeyInfo::choices
    duration,    ///< "30s"
    byte_rate,   ///< "20 MiB/s"
    path,        ///< a string; expanded and made absolute
    texts,       ///< a list of strings
    globs,       ///< a list of patterns
    times,       ///< a list of "03:00" or "Mon 12:30"
    share,       ///< a count or "50%"
    octal,       ///< "077"
    thresholds,  ///< { 80 = "7d" }
    secret,      ///< a boolean, a string or a table of its own
    choice_or_table,
    table,
    tables,  ///< one table for each name
};

struct KeyInfo {
    TableKind table;
    std::string_view name;
    Shape shape;
    std::string_view summary;
    std::string_view choices = {};  ///< "mirror|synced|never", in the order of the enum they stand for

    std::vector<std::string> choice_list() const;
};

/// What all readers of one file share. Lives as long as the parse.
struct ParseContext {
    std::string path;       ///< of the job file, absolute
    std::string file_name;  ///< its last component
    std::string directory;  ///< that it is in
    const ParseEnvironment& environment;
    Diagnostics& errors;
    Diagnostics& warnings;
    UsedVariables variables{};  ///< that no table has taken over yet

    void unknown_key(const TomlMember& member, const std::string& table_name, const std::vector<std::string>& known);
    /// Whether `name` may name a job, host or bucket; an error when not.
    bool check_name(const TomlMember& member, std::string_view noun);
};

class ValueReader {
  public:
    ValueReader(ParseContext& context, const std::string& table_name, const KeyInfo& key, const TomlValue& value)
        : context_(context), table_name_(table_name), key_(key), value_(value) {}

    void boolean(bool& out) const;
    /// Any integer type; both bounds are allowed values.
    template <class Integer>
    void integer(Integer& out, int64_t least, int64_t most) const {
        if (auto number = integer_within(least, most)) out = static_cast<Integer>(*number);
    }
    /// A string that is not empty, taken as it is.
    void literal(std::string& out) const;
    /// A string that is not empty, its variables expanded.
    void text(std::string& out) const;
    /// As text, and it does not begin with '-': some command will take it as an argument.
    void argument(std::string& out) const;
    /// As argument, and it is what one of names.hpp's functions says.
    void name(std::string& out, bool (*is_name)(std::string_view)) const;
    /// A command line for `sh -c`.
    void command(std::string& out) const;
    void path(std::string& out) const;
    void duration(Duration& out) const;
    void duration(std::optional<Duration>& out) const;
    void byte_rate(std::optional<uint64_t>& out) const;
    /// False when it is no list of strings, which is said then.
    bool texts(std::vector<std::string>& out) const;
    void globs(std::vector<GlobRule>& out) const;
    template <class Enum>
    void choice(Enum& out) const {
        if (auto index = choice_index()) out = static_cast<Enum>(*index);
    }
    std::optional<size_t> choice_index() const;

    /// The string, or an error that says what was `expected` instead of another type, an empty string or one with a
    /// NUL.
    const std::string* string(std::string_view expected = "a string") const { return string_of(value_, expected); }
    const std::string* string_of(const TomlValue& value, std::string_view expected) const;
    bool is_table() const;  ///< an error when not

    /// "'interval' in [jobs.thesis] MESSAGE", at the value.
    void fail(std::string_view message) const { fail_at(value_.position, message); }
    void fail_at(Position position, std::string_view message) const;
    void expected(std::string_view what) const;

    const TomlValue& value() const { return value_; }
    ParseContext& context() const { return context_; }
    const KeyInfo& key() const { return key_; }
    /// "[jobs.thesis]" -> "[jobs.thesis.clean]".
    std::string inner_table_name() const;
    /// Remembers the variables that the value used; nullopt when expansion failed, which is reported.
    std::optional<std::string> expanded(const std::string& text, bool as_path) const;

  private:
    std::optional<int64_t> integer_within(int64_t least, int64_t most) const;

    ParseContext& context_;
    const std::string& table_name_;
    const KeyInfo& key_;
    const TomlValue& value_;
};

}  // namespace syncline
