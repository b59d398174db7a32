// The scripts with which remote project directories are looked at and removed, and what is read of their output. Pure
// text; see ssh_clean.hpp for the way they are used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/quota.hpp"
#include "core/retention.hpp"

namespace syncline {

/// Where a server's quota is read.
struct QuotaSource {
    enum class Type : uint8_t { quota, file_system, command };
    Type type = Type::quota;
    std::string command;  ///< Type::command: for a POSIX sh on the server
};

/// The directory that was surveyed: its path and what it is; "": whatever is there.
struct CleanRoot {
    std::string path, identity;
};

/// What is under a host's remote_root.
struct CleanSurvey {
    bool has_root = false;      ///< false: there is no remote_root yet, so nothing to clean
    std::string home, root;     ///< absolute, resolved
    std::string identity;       ///< of the root: device and inode
    std::optional<TimeNs> now;  ///< the server's clock
    QuotaReport quota;
    std::vector<FoundDirectory> found;   ///< what may be a project by its name or by its place, in the server's order
    std::vector<std::string> leftovers;  ///< what a clean that broke off had taken away already

    CleanRoot where() const { return {root, identity}; }
};

/// `root_word` is a shell word (ssh_root.hpp).
std::string survey_script(std::string_view root_word, const QuotaSource& quota);
/// nullopt when the output is not whole.
std::optional<CleanSurvey> read_survey(std::string_view text, const QuotaSource& quota);

/// A directory that may have to go, and what must still be true of it then.
struct CleanItem {
    std::string name;
    uint64_t device = 0, inode = 0;
    Duration age{0};  ///< nothing in it may be younger; 0: it was asked for, whatever its age
};

/// Looks for something young in each: stdin has look_input().
std::string look_script(const CleanRoot& root);
std::string look_input(const std::vector<CleanItem>& items);

/// What a script said of an item: "" for what it is to say of most.
struct CleanAnswer {
    std::string name, what;
};
/// nullopt when the output is not whole. `what` is "young", "unreadable", or of take_script() also "taken", "gone",
/// "changed", "busy", "foreign" (another user's), or "failed: ...".
std::optional<std::vector<CleanAnswer>> read_answers(std::string_view text);

/// Renames each item that still is what it was into the new directory `removed` (project_name.hpp: removed_name()),
/// which makes it no project any more. `planned_at` is CleanSurvey::now. stdin has look_input().
std::string take_script(const CleanRoot& root, std::string_view removed, std::optional<TimeNs> planned_at);

/// Removes all that take_script() has put aside, of this time and of times before, then reads the quota again.
std::string removal_script(const CleanRoot& root, const QuotaSource& quota);

struct RemovalOutcome {
    uint64_t bytes_freed = 0;
    std::vector<std::string> left;  ///< names of what could not be removed whole
    std::string why;                ///< the tools' first complaint, escaped
    QuotaReport quota;
};
std::optional<RemovalOutcome> read_removal(std::string_view text, const QuotaSource& quota);

/// "" or why `root`/`name` must never be removed: it is no project directory by its name, or is `/`, the home
/// directory, or something that holds one. Paths are absolute and resolved.
std::string why_never_removed(std::string_view root, std::string_view home, std::string_view name);

}  // namespace syncline
