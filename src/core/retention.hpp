// Retention: which project directories of a server end, and why each other one stays. Pure: the clock, the listing, the
// quota and the records are arguments.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "core/quota.hpp"

namespace syncline {

/// A `clean` table of the job file.
struct CleanPolicy {
    bool automatic = true;
    Duration max_age = std::chrono::hours(24 * 30);
    std::map<int, Duration> quota_thresholds;  ///< per cent of quota -> max age
    /// The floor: what was used more recently only goes when it was named or confirmed.
    Duration min_age = std::chrono::hours(24);
};

/// One entry of remote_root, as the server shows it.
struct FoundDirectory {
    std::string name;
    bool is_directory = false;  ///< itself, not what a symlink leads to
    uint64_t device = 0, inode = 0;
    TimeNs newest = 0;            ///< mtime of the newest entry that was seen in it, by the server's clock
    bool cannot_be_read = false;  ///< not all of it could be looked at
    bool is_busy = false;         ///< a process on the server works in it
    bool holds_mount = false;     ///< something is mounted in it
};

/// What the state knows of one directory of this host, under its present remote_root.
struct RecordedUse {
    std::string name;
    TimeNs last_used_at = 0;  ///< by the local clock
    bool is_of_host = true;   ///< recorded of this very host; else it only counts as a use of a directory of that name
};

/// A job of the job file whose directory is called `name`.
struct Claim {
    std::string name, job;
    CleanPolicy policy;
};

enum class CleanScope : uint8_t {
    automatic,  ///< by age
    current,    ///< `chosen`
    all,        ///< whatever is recorded, above the floor
    purge,      ///< whatever is in the default layout
};

struct RetentionFacts {
    CleanScope scope = CleanScope::automatic;
    bool is_by_itself = false;  ///< nobody asked: jobs with `auto = false` are left alone
    bool is_confirmed = false;  ///< CleanScope::all: below the floor too
    std::string client;
    std::vector<FoundDirectory> found;
    std::vector<RecordedUse> recorded;  ///< a name may stand in it several times
    std::vector<Claim> claims;          ///< likewise
    CleanPolicy unclaimed;              ///< for what no job claims
    std::set<std::string> chosen;       ///< CleanScope::current: names
    std::string chosen_job;             ///< the job whose directory that is; "" for none
    std::set<std::string> in_use;       ///< names that a run on this machine works on
    QuotaReport quota;
    std::optional<TimeNs> server_now;  ///< none: its clock could not be read
    TimeNs now = 0;                    ///< the local clock
};

enum class CleanReason : uint8_t {
    // removed
    old,    ///< older than the limit
    asked,  ///< by hand
    // kept
    in_use,
    busy,
    young,
    other_client,
    not_our_layout,
    not_a_directory,
    not_recorded,
    not_chosen,
    other_job,
    automatic_off,
    nothing_recorded,  ///< an orphan, while nothing is recorded of the host
    cannot_be_read,
    holds_mount,
    no_clock,
};

/// "young", "in-use", ...: for JSON.
std::string_view reason_name(CleanReason reason);

struct CleanDecision {
    size_t found = 0;  ///< index in RetentionFacts::found
    bool removes = false;
    CleanReason reason = CleanReason::not_our_layout;
    Duration limit{0};             ///< nothing in it may be younger; 0 where its age does not matter
    bool is_floor = false;         ///< the limit is min_age, and yields to a confirmation
    Duration age{0};               ///< with a limit: of the last use or the newest entry, whichever is later
    std::optional<int> threshold;  ///< the per cent of the quota that gave the limit
    std::string job;               ///< of the claim, or the other job
};

/// One for each of `found`, in its order.
std::vector<CleanDecision> decide_retention(const RetentionFacts& facts);

/// "older than 7 d, as the quota is at 85 %": for people, escaped.
std::string describe(const CleanDecision& decision, const QuotaReport& quota);

}  // namespace syncline
