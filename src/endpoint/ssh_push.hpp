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
    Task<std::vector<CommitItem*>> commit_once(ContentSource content, std::vector<CommitItem*> items);
    Task<void> send_files(ContentSource content, std::vector<SentItem>& items);
    Task<void> send_file(ssh::Sftp& sftp, ContentSource content, SentItem& sent);
    Task<void> write_file(ssh::Sftp& sftp, FileInput& input, SentItem& sent);
    Task<void> write_range(ssh::Sftp& sftp, ssh::SftpHandle handle, uint64_t offset, ReadAhead& ahead,
                           ssh::SftpStatus& status, Nursery& nursery);
    Task<std::vector<TarContent::ControlFile>> conclude(CommitBatch& batch, SideStreams& sides);
    Task<ssh::ScriptResult> run(std::string script, TarContent& source, SideStreams& sides, ssh::OutputSink& sink,
                                uint64_t bytes);
    Task<std::unique_ptr<ssh::Channel>> open_channel();
    Task<void> run_large(std::string script, ReadAhead& ahead, SideStreams& sides, ssh::OutputSink& sink,
                         ssh::ScriptResult& result, std::unique_ptr<ssh::Channel>& channel, Nursery& nursery);
    [[noreturn]] void fail(const ssh::ScriptResult& result) const;

    SshHost& host_;
    RemotePlace place_;
    RemoteStage& stage_;
    TransferMeans means_;
    Transfer wanted_;
    Progress& progress_;
};

}  // namespace syncline
