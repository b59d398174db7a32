// A part of a tree as GNU find lists it: only the paths in question, what is below them and the way there. Pure text.
#pragma once

#include <span>
#include <string>

#include "endpoint/ssh_scripts.hpp"

namespace syncline {

/// Whether the server can list `scope` (ListRequest) alone, and that is less work than listing everything.
bool can_list_scope(const ServerTools& tools, std::span<const std::string> scope);

/// Prints the entries of `scope` as a whole listing does, its paths beginning with "./", but for what is in directories
/// called as one of `pruned`.
std::string find_scope_command(std::span<const std::string> scope, std::span<const std::string> pruned);

}  // namespace syncline
