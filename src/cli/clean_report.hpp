// What a clean of one host planned and did, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/style.hpp"
#include "core/retention.hpp"
#include "state/store.hpp"

namespace syncline::cli {

/// One directory of remote_root.
struct CleanedDirectory {
    std::string name;
    CleanDecision decision;
    std::string failure;  ///< escaped; "" or why it is still there, whatever the decision
    bool is_gone = false;
};

struct CleanReport {
    std::string host, root;  ///< root: as the job file has it
    bool is_dry_run = false;
    std::vector<CleanedDirectory> directories;
    QuotaReport quota_before, quota_after;
    uint64_t bytes_freed = 0;
    size_t leftovers = 0;                   ///< of cleans that broke off, swept too
    std::vector<std::string> problems;      ///< whole sentences, escaped
    std::optional<CleanRecord> last_clean;  ///< of this host, before this one

    uint64_t removed() const;  ///< or would be, of a dry run
    uint64_t kept() const { return directories.size() - removed(); }
};

/// With a line for each directory: all of a dry run and of `verbose`, else those that went.
std::string clean_text(const CleanReport& report, const Style& style, bool verbose);
/// What stands in the way of one or another, a line each; "" for nothing.
std::string clean_trouble(const CleanReport& report);
/// One line: {"event":"clean", ...}.
std::string clean_event(const CleanReport& report, TimeNs now);

/// "2026-01-31T12:00:00.000Z: 3 removed, 5 kept, 12.0 MiB freed; quota 85 % -> 60 %".
std::string describe(const CleanRecord& record);

}  // namespace syncline::cli
