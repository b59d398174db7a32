// HostClean: one clean of one host: what is there, what of it has to go and why, and its removal. On the engine's
// thread; owned by the coroutine that runs it. The caller holds the clean lock.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/clean_report.hpp"
#include "cli/workbench.hpp"
#include "config/job.hpp"
#include "endpoint/ssh_clean.hpp"

namespace syncline::cli {

struct CleanRequest {
    CleanScope scope = CleanScope::current;
    bool is_by_itself = false;  ///< nobody asked
    bool is_dry_run = false;
    bool is_confirmed = false;     ///< scope all: min_age does not hold
    std::set<std::string> chosen;  ///< scope current: names of directories
    std::string chosen_job;
};

class HostClean {
  public:
    /// `file` may be null and outlives this, as the workbench does.
    HostClean(Workbench& workbench, const JobFile* file, const std::string& host, CleanRequest request);

    /// What would be done. Throws Error.
    Task<void> plan();
    /// Does it, as far as it still holds, and records it. After plan(). Throws Error.
    Task<void> carry_out();

    const CleanReport& report() const { return report_; }

  private:
    Task<void> make_plan();
    Task<void> remove_planned();
    void gather_records();
    void gather_claims();
    void decide();
    std::vector<CleanItem> items_to_go() const;
    Task<void> look_through();
    void find_uses();
    Task<void> take_away();
    void forget_gone();
    void record(const std::string& error);
    HostIdentity identity() const;

    Workbench& workbench_;
    const JobFile* file_;
    std::shared_ptr<SshHost> host_;
    const ssh::SshSettings* settings_ = nullptr;
    CleanRequest request_;
    RemoteCleaner cleaner_;
    std::string root_;  ///< normal_remote_directory()
    CleanSurvey survey_;
    RetentionFacts facts_;
    std::vector<RemoteDirectory> records_;  ///< of this host, under this root
    CleanReport report_;
};

/// What decides of directories of the host that no job claims.
CleanPolicy unclaimed_policy(const JobFile* file, const std::string& host);
/// What decides of the job's own.
CleanPolicy policy_of(const Job& job);

}  // namespace syncline::cli
