// Paths of the job file: expansion of `~` and `${VAR}`, joining, and where a path physically lies. Pure but for
// resolve_symlinks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"

namespace syncline {

struct Expansion {
    std::string text;
    std::string error;                   ///< "" when it worked; else the end of a sentence that says why not
    std::vector<std::string> variables;  ///< that were looked up
};

/// Replaces each `${VAR}`. A `$` without a brace stays as it is. Unset and empty variables are errors.
Expansion expand_variables(std::string_view text, const ParseEnvironment& environment);

/// As expand_variables, and a `~` or `~/` at the start becomes the home directory.
Expansion expand_path(std::string_view text, const ParseEnvironment& environment);

/// `path` when it is absolute, else that below `directory`; without `.`, `//` and a trailing slash, and without `..`
/// where leaving it out does not change what the path means.
std::string absolute_path(std::string_view path, std::string_view directory, const ParseEnvironment& environment);

/// Follows every symlink on the way, dangling ones too; what does not exist is taken as written. `path` is absolute.
std::string resolve_symlinks(const std::string& path);

/// Whether `path` is `ancestor` or lies below it. Both are absolute and normal.
bool is_beneath(std::string_view path, std::string_view ancestor);

}  // namespace syncline
