// What git keeps outside of the tree: where a repository begins, its info/exclude, and the user's own excludes.
//
// Reads only; stateless. git itself is run once, and only when a configuration file gives reason to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/fd.hpp"

namespace syncline::fs {

/// What became of reading a small file. Without text and without error the file is not there, or is no regular file.
struct FileText {
    std::optional<std::string> text;
    std::string error;
};

/// Reads the regular file `path` (below `directory` when relative) of at most 16 MiB. With `follow` its last component
/// may be a symlink.
FileText read_text(int directory, const std::string& path, bool follow);

struct Repository {
    std::string top;         ///< the directory that holds `.git`; "" is "/", as in all that is given here
    std::string git_dir;     ///< its own, "" when `.git` is a file that leads nowhere
    std::string common_dir;  ///< shared by its worktrees: holds info/ and config
};

/// The repository whose work tree begins at `top` (absolute): a `.git` directory that git would take for one, or a
/// `.git` file.
std::optional<Repository> repository_at(const std::string& top);

/// The repository that `directory` (absolute, symlinks resolved) lies in. As git does, stays on one file system; one
/// above `directory` must belong to this user, to root or to the owner of `directory`.
std::optional<Repository> repository_around(const std::string& directory);

/// Whether core.ignoreCase holds in `directory`, which lies in `repository`, if in any.
bool folds_ignored_case(const std::string& directory, const std::optional<Repository>& repository);

/// The user's excludes file: core.excludesFile as it holds in `directory`, else git/ignore in the configuration
/// directory.
/// "" when there is none. Never fails: without git, or when git refuses, the default holds.
std::string user_excludes_path(const std::string& directory, const std::optional<Repository>& repository);

}  // namespace syncline::fs
