// Asks the installed git for one value of its configuration.
#pragma once

#include <optional>
#include <string>

namespace syncline::fs {

/// `git config --type=path --get KEY`, run in `directory`; blocks for at most five seconds. nullopt when the key is not
/// set, git is not installed, or it refuses.
std::optional<std::string> git_config_path(const std::string& directory, const std::string& key);
/// The same with `--type=bool`; false when it is not set.
bool git_config_flag(const std::string& directory, const std::string& key);

}  // namespace syncline::fs
