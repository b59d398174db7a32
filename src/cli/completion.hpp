// Completion scripts, made from the table of commands and options. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::cli {

enum class Shell : uint8_t { bash, zsh, fish };

/// nullopt for a shell that is not known.
std::optional<Shell> shell_of(std::string_view name);

/// The whole script. Job names are asked of `syncline completion --jobs` when they are needed.
std::string completion_script(Shell shell);

}  // namespace syncline::cli
