// Push: one batch of a commit on a server with a shell: large files by themselves over SFTP, all others in a tar
// stream (or several, where round trips take long), all into the stage; then one script verifies and installs them.
// Made for one batch; engine's thread.
#pragma once

#include <vector>

#include "endpoint/ssh_commit.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_read_ahead.hpp"
#include "endpoint/ssh_side_streams.hpp"
#include "endpoint/ssh_stage.hpp"

namespace syncline {

class Push {
  public:
    /// All outlive it.
    Push(SshHost& host, RemotePlace place, RemoteStage& stage, TransferMeans means, Transfer wanted, Progress& progress)
        : host_(host), place_(std::move(place)), stage_(stage), means_(means), wanted_(wanted), progress_(progress) {}

    Task<void> commit(ContentSource content, std::vector<CommitItem*> items);

  private:
    Task<bool> commit_what_fits(ContentSource content, std::vector<CommitItem*> items);
    Task<void> commit_all(ContentSource content, std::vector<CommitItem*> items);
    Task<std::vector<CommitItem*>> commit_once(ContentSource content, std::vector<CommitItem*> items);
    std::vector<SentItem*> choose_alone(ContentSource content, std::vector<SentItem>& items) const;
    Task<std::optional<ssh::ScriptResult>> prepare_files(const std::vector<SentItem*>& alone);
    Task<void> send_files(ContentSource content, const std::vector<SentItem*>& alone);
    Task<void> send_file(ssh::Sftp& sftp, ContentSource content, SentItem& sent);
    Task<void> write_file(ssh::Sftp& sftp, FileInput& input, SentItem& sent);
    Task<std::string> why_not_ours(ssh::Sftp& sftp, ssh::SftpHandle handle, const SentItem& sent);
    Task<void> write_range(ssh::Sftp& sftp, ssh::SftpHandle handle, uint64_t offset, ReadAhead& ahead,
                           ssh::SftpStatus& status, Nursery& nursery);
    Task<std::vector<TarContent::ControlFile>> conclude(CommitBatch& batch, SideStreams& sides);
    Task<ssh::ScriptResult> run(std::string script, TarContent& source, SideStreams& sides, ssh::OutputSink& sink,
                                uint64_t bytes);
    Task<std::unique_ptr<ssh::Channel>> open_channel();
    Task<void> run_large(std::string script, ReadAhead& ahead, SideStreams& sides, ssh::OutputSink& sink,
                         ssh::ScriptResult& result, std::unique_ptr<ssh::Channel>& channel, Nursery& nursery);
    std::vector<CommitItem*> take_trouble(CommitBatch& batch, const ssh::ScriptResult& result) const;

    SshHost& host_;
    RemotePlace place_;
    RemoteStage& stage_;
    TransferMeans means_;
    Transfer wanted_;
    Progress& progress_;
};

}  // namespace syncline
