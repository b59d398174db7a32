// Directory: where the state lives, and directories that only their owner may enter.
#pragma once

#include <string>

namespace syncline {

/// Makes `path` and its missing parents, each 0700 from the first instant. What exists and belongs to this user is
/// closed to others, the last directory only. Throws Error{state}.
void create_private_directory(const std::string& path);

}  // namespace syncline
