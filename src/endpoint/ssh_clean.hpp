// RemoteCleaner: looks at the project directories of one host, and removes those that it is told to.
//
// Four scripts, whatever the number of directories: survey, look, take, remove. Nothing is removed under its own name:
// take() renames it aside, which is over in a moment and leaves no half of a project, and remove() ends what was put
// aside, by this clean or by one that broke off. Engine's thread; for one clean.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "endpoint/ssh_clean_scripts.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_remote_shell.hpp"

namespace syncline {

class RemoteCleaner {
  public:
    RemoteCleaner(std::shared_ptr<SshHost> host, QuotaSource quota)
        : host_(std::move(host)), quota_(std::move(quota)) {}

    /// Comes first. Throws SshError, or Error where the server has no shell.
    Task<CleanSurvey> survey();
    /// Which of the items hold something younger than they may, or cannot be looked through.
    Task<std::vector<CleanAnswer>> look(std::vector<CleanItem> items);
    /// Puts aside what is still as it was planned. Refuses items that must never be removed, with an answer "failed:".
    Task<std::vector<CleanAnswer>> take(std::vector<CleanItem> items);
    /// Removes what was put aside.
    Task<RemovalOutcome> remove();

  private:
    Task<std::string> run(std::string script, std::string input, std::string step);
    Task<void> ask_for_space(CleanSurvey& survey);

    std::shared_ptr<SshHost> host_;
    QuotaSource quota_;
    std::unique_ptr<RemoteShell> shell_;
    CleanSurvey survey_;  ///< without what was found
};

}  // namespace syncline
