// SftpLanes: the SFTP channels that a batch of files is spread over: one on the connection of the run's shell, and more
// where connections to the host are free. Made for one batch; engine's thread.
#pragma once

#include <functional>
#include <vector>

#include "async/nursery.hpp"
#include "endpoint/ssh_host.hpp"
#include "endpoint/ssh_remote_shell.hpp"

namespace syncline {

class SftpLanes {
  public:
    /// Does what is to be done with item `index` on a channel.
    using Work = std::function<Task<void>(ssh::Sftp& sftp, size_t index)>;

    SftpLanes(SshHost& host, RemoteShell& shell) : host_(host), shell_(shell) {}

    /// Calls `work` for each of 0 to `count` - 1; `at_a_time` of them on each channel, of a few channels.
    /// Throws SshError (no_sftp) before any work when there is no SFTP.
    Task<void> run(size_t count, size_t at_a_time, Work work);
    /// The first channel, before run(): on the shell's connection, or, where the server allows one channel on each, on
    /// another. Throws SshError (no_sftp) when there is none.
    Task<void> open_first();

  private:
    Task<void> open(size_t wanted);
    Task<bool> open_one_more();
    Task<void> spawn_all(Nursery& nursery, size_t count, size_t at_a_time, const Work& work);
    Task<void> serve(ssh::Sftp& sftp, size_t count, const Work& work);

    SshHost& host_;
    RemoteShell& shell_;
    std::vector<ssh::SessionPool::Lease> leases_;
    std::vector<ssh::Sftp*> channels_;
    size_t next_ = 0;
};

}  // namespace syncline
