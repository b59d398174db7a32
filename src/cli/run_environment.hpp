// Which variables `run --env` gives to the remote command. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace syncline::cli {

/// Each spec is NAME (as it is here), NAME=VALUE, a glob of names ("LC_*"), or "!" and a name or glob, which takes away
/// what names and globs give, wherever it stands, but never NAME=VALUE. Throws Error{usage} for a name that no shell
/// knows and for a plain NAME that is not set here.
std::map<std::string, std::string> chosen_variables(const std::vector<std::string>& specs,
                                                    const std::map<std::string, std::string>& here);

/// Those of this process.
std::map<std::string, std::string> process_variables();

}  // namespace syncline::cli
