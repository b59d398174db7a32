// Quota: how full a server's disk is, from what its tools print. Pure, and believes nothing: what cannot be read is
// unknown, never empty and never full.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncline {

/// Used of a limit, in any one unit.
struct QuotaUse {
    std::string file_system;  ///< as the tool names it
    uint64_t used = 0, limit = 0;

    /// Whether `per_cent` of the limit is used, or more. Exact.
    bool reaches(int per_cent) const;
    /// Rounded down; may be over 100.
    int per_cent() const;
};

struct QuotaReport {
    enum class State : uint8_t {
        unknown,  ///< nothing that could be understood; `note` says what came instead
        none,     ///< the server says that there is no limit
        known,
    };
    State state = State::unknown;
    QuotaUse use;
    std::string note;  ///< a sentence worth telling; "" for none
};

/// "85 % of /dev/sda1", "unknown (...)", "no limit": for people, escaped.
std::string describe(const QuotaReport& report);

/// Output of quota(1) of the Linux quota tools, with or without -w, -p and -s. Of the file systems it picks
/// `file_system`, the one that holds the directories; "" or one that is not there: the fullest, and the note says so.
/// Of blocks and files the fuller counts, against the soft limit where there is one, else against the hard one.
QuotaReport read_quota(std::string_view text, std::string_view file_system);

/// Output of `df -P` for one file system.
QuotaReport read_df(std::string_view text);

/// What a command of the user's own printed: as quota(1), or "85%", or two numbers, used and limit.
QuotaReport read_quota_command(std::string_view text, std::string_view file_system);

}  // namespace syncline
