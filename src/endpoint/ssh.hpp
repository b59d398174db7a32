// SshEndpoint: a directory tree on a server, over SSH. Decides for each operation between the server's shell
// (ssh_shell.hpp) and SFTP (ssh_sftp.hpp); the first inspect() finds out what the server can do.
#pragma once

#include <memory>
#include <string>

#include "async/offload.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_fetch.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_sftp.hpp"
#include "endpoint/ssh_stage.hpp"

namespace syncline {

/// The directory on the server that `destination` means for the job with that local root: what it says, or the default
/// layout; as normal_remote_directory() has it.
std::string remote_directory(const SshHosts& hosts, const SshHost& host, const Destination& destination,
                             const std::string& local_root);

/// The same as a project's place; nullopt when it is not in the default layout. `settings` are the host's.
std::optional<ProjectPlace> project_place_of(const SshHost& host, const ssh::SshSettings& settings,
                                             const std::string& directory);

class SshEndpoint : public Endpoint {
  public:
    /// The hosts, the pool and the limiter outlive the endpoint.
    SshEndpoint(SshHosts& hosts, const Destination& destination, const EndpointOptions& options, WorkerPool& workers,
                fs::RateLimiter& limiter);
    ~SshEndpoint() override;

    /// What a batch that broke off had brought over is not lost.
    BatchLimits batch_limits() const override { return {32'768, uint64_t{1} << 30}; }
    std::string shown() const override;
    Task<void> prepare() override;
    std::string identity_text() const override;
    std::string resolved_identity_text() const override;
    std::optional<ProjectPlace> project_place() const override;
    bool is_unsafe_for_mirror() const override;
    bool can_touch() const override { return true; }
    Task<std::optional<RootIdentity>> inspect() override;
    Task<bool> is_still_in_place() override;
    Task<Listing> list(ListRequest request, Progress& progress) override;
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) override;
    Task<ContentSource> fetch(const Tree& tree, std::vector<uint32_t> indices, Progress& progress) override;
    Task<void> create_root(uint16_t mode) override;
    Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress) override;
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress) override;
    Task<void> settle(std::vector<TakenAside>& items) override;
    Task<void> sweep(std::vector<std::string> leftovers) override;
    Task<void> flush() override;

  private:
    Task<RootReport> look(std::optional<uint16_t> create_mode);
    Task<RootReport> look_by_shell(std::optional<uint16_t> create_mode);
    Task<RootReport> look_by_sftp(std::optional<uint16_t> create_mode);
    Task<bool> has_shell();
    Task<std::unique_ptr<SftpSide>> sftp_side();
    Task<ssh::Sftp*> sftp();
    Task<RemoteShell*> shell();
    Task<ShellSide> side();
    std::string place() const;
    /// Stamps by SFTP and by stat differ, so one of the two does all.
    bool uses_shell() const { return host_->tools->can_list() && host_->tools->can_take_tar(); }

    std::shared_ptr<SshHost> host_;
    const ssh::SshSettings* settings_ = nullptr;  ///< of prepare(), with the user
    std::string directory_;  ///< normal_remote_directory(): where the destination says, or the default layout
    EndpointOptions options_;
    std::string owner_;  ///< whose files in the making are ours: of this machine, user and state
    TransferMeans means_;
    std::unique_ptr<RemoteShell> shell_;
    std::optional<ssh::SessionPool::Lease> lease_;  ///< where there is no shell
    RootReport root_;
    bool is_inspected_ = false;
    TimeNs listed_at_ = 0;  ///< by the server's clock
    FetchDirectory fetched_;
    RemoteStage stage_;
    KeptBeginnings kept_;
};

}  // namespace syncline
