// SshHost: what the endpoints of all jobs share of one host: its connections, and what is known of the server.
// SshHosts: all hosts.
//
// Engine's thread only; outlives every endpoint, and dies before the io_context.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/task.hpp"
#include "endpoint/ssh_remote_shell.hpp"
#include "endpoint/ssh_scripts.hpp"
#include "ssh/exec.hpp"
#include "ssh/pool.hpp"

namespace syncline {

/// What the job file says of one host, and who answers its questions.
struct SshHostOptions {
    ssh::HostTable table;
    std::string remote_root = "~/.cache/syncline/projects";
    ssh::SecretSource password, passphrase;  ///< may be null
    std::string secrets;                     ///< what these sources are: the same text for the same

    bool is_as(const SshHostOptions& other) const {
        return table == other.table && remote_root == other.remote_root && secrets == other.secrets;
    }
};

struct SshOptions {
    std::string ssh_config_file;
    size_t connections_per_host = 4;
    bool accept_new_host_key = false;             ///< of every host whose table does not say otherwise
    std::string client;                           ///< 8 hex digits (ssh_root.hpp: client_id)
    std::map<std::string, SshHostOptions> hosts;  ///< a host that is not in here is one that ssh_config knows
    ssh::SecretSource password, passphrase;       ///< for those hosts
};

class SshHost {
  public:
    SshHost(std::string name, SshHostOptions options, std::string ssh_config_file, size_t connections);
    ~SshHost();

    const std::string& name() const { return name_; }
    const std::string& remote_root() const { return options_.remote_root; }
    const SshHostOptions& options() const { return options_; }

    /// How to reach it, from the job file and ssh_config; asks no server. Throws Error{usage}. Lives as long as the
    /// host.
    Task<const ssh::SshSettings*> settings();

    /// A connection of one's own. Throws SshError.
    Task<ssh::SessionPool::Lease> acquire();
    /// One more, where one is free at once.
    Task<std::optional<ssh::SessionPool::Lease>> acquire_if_free();

    /// The fingerprint of the server's key; "" while nobody has reached it.
    const std::string& host_key() const { return host_key_; }
    /// A shell that an earlier run left, when it still answers; null when there is none.
    Task<std::unique_ptr<RemoteShell>> take_shell();
    /// Keeps `shell` for the next run. Its connection counts as idle: whoever needs one takes it.
    void keep_shell(std::unique_ptr<RemoteShell> shell);

    /// Closes connections that nobody has used for `age`.
    void close_idle(Duration age);

    /// What the server has; nullopt until somebody looked.
    std::optional<ServerTools> tools;

  private:
    std::string name_;
    SshHostOptions options_;
    std::string ssh_config_file_;
    size_t connections_;
    std::string host_key_;
    std::unique_ptr<ssh::SessionPool> pool_;
    std::unique_ptr<RemoteShell> shell_;  ///< nobody's just now
    std::chrono::steady_clock::time_point shell_since_;
    size_t waiting_ = 0;  ///< coroutines in acquire()
};

class SshHosts {
  public:
    explicit SshHosts(SshOptions options) : options_(std::move(options)) {}

    /// The same object for the same name, until other options come.
    std::shared_ptr<SshHost> host(const std::string& name);
    const std::string& client() const { return options_.client; }

    /// From now on. Hosts of which something else is said now are made anew; who has one keeps it.
    void set_options(SshOptions options);
    /// Closes connections that nobody has used for `age`.
    void close_idle(Duration age);

  private:
    SshHostOptions options_of(const std::string& name) const;

    SshOptions options_;
    std::map<std::string, std::shared_ptr<SshHost>> hosts_;
};

}  // namespace syncline
