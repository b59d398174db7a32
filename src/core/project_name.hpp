// Project names: what directories under a host's remote_root are called (design: section 5), built and read. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncline {

/// "NAME-PROJECT-CLIENT".
struct ProjectName {
    std::string name;     ///< the local root's last component, cut short where it is long
    std::string project;  ///< 8 hex digits of the root's SHA-256
    std::string client;   ///< 8 hex digits of machine and user

    bool operator==(const ProjectName&) const = default;
};

/// The directory's name, 255 bytes at most: what is longer is cut before PROJECT, never within a character. `name` ""
/// (the root `/`) becomes "root".
std::string project_directory(std::string_view name, std::string_view project, std::string_view client);

/// nullopt for every name that project_directory() cannot have made.
std::optional<ProjectName> parse_project_directory(std::string_view directory);

/// What a directory is called between being taken away and being gone: ".syncline-removed-" and 32 hex digits. No
/// project is ever called so.
std::string removed_name(std::string_view digits);
bool is_removed_name(std::string_view directory);

}  // namespace syncline
