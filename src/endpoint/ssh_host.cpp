#include "endpoint/ssh_host.hpp"

#include <utility>

namespace syncline {
namespace {

/// As ssh/pool has it: what lay idle for longer is asked whether it still lives.
constexpr Duration trusted_idle = std::chrono::seconds(10);
constexpr Duration answer_limit = std::chrono::seconds(5);

/// Counts who waits for a connection, which must not be kept from them.
class Waiting {
  public:
    explicit Waiting(size_t& count) : count_(count) { ++count_; }
    ~Waiting() { --count_; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

  private:
    size_t& count_;
};

}  // namespace

SshHost::SshHost(std::string name, SshHostOptions options, std::string ssh_config_file, size_t connections)
    : name_(std::move(name)),
      options_(std::move(options)),
      ssh_config_file_(std::move(ssh_config_file)),
      connections_(connections) {}

SshHost::~SshHost() = default;

Task<const ssh::SshSettings*> SshHost::settings() {
    if (!pool_) {
        ssh::SshSettings settings = co_await ssh::resolve_settings(options_.table, ssh_config_file_);
        settings.password = options_.password;
        settings.passphrase = options_.passphrase;
        auto executor = co_await asio::this_coro::executor;
        // Somebody else may have been here meanwhile.
        if (!pool_) pool_ = std::make_unique<ssh::SessionPool>(executor, std::move(settings), connections_);
    }
    co_return &pool_->settings();
}

Task<std::unique_ptr<RemoteShell>> SshHost::take_shell() {
    std::unique_ptr<RemoteShell> shell = std::exchange(shell_, nullptr);
    if (!shell || !shell->usable()) co_return nullptr;
    bool was_used_lately = std::chrono::steady_clock::now() - shell_since_ < trusted_idle;
    if (was_used_lately) co_return shell;
    bool lives = co_await shell->lease().session().answers(answer_limit);
    if (!lives) shell.reset();
    co_return shell;
}

void SshHost::keep_shell(std::unique_ptr<RemoteShell> shell) {
    if (shell_ || waiting_ > 0 || !shell->usable()) return;
    shell_ = std::move(shell);
    shell_since_ = std::chrono::steady_clock::now();
}

Task<ssh::SessionPool::Lease> SshHost::acquire() {
    shell_.reset();  // Its connection is the best to be had, and may be the last.
    Waiting waiting(waiting_);
    co_await settings();
    ssh::SessionPool::Lease lease = co_await pool_->acquire();
    host_key_ = lease.session().host_key();
    co_return std::move(lease);
}

Task<std::optional<ssh::SessionPool::Lease>> SshHost::acquire_if_free() {
    shell_.reset();
    co_await settings();
    co_return co_await pool_->acquire_if_free();
}

void SshHost::close_idle(Duration age) {
    bool is_old = shell_ && std::chrono::steady_clock::now() - shell_since_ >= age;
    if (is_old) shell_.reset();
    if (pool_) pool_->close_idle(age);
}

SshHostOptions SshHosts::options_of(const std::string& name) const {
    auto found = options_.hosts.find(name);
    SshHostOptions options;
    if (found != options_.hosts.end()) {
        options = found->second;
    } else {
        options.password = options_.password;
        options.passphrase = options_.passphrase;
    }
    options.table.name = name;
    if (options_.accept_new_host_key && !options.table.host_key_policy)
        options.table.host_key_policy = ssh::HostKeyPolicy::accept_new;
    return options;
}

std::shared_ptr<SshHost> SshHosts::host(const std::string& name) {
    std::shared_ptr<SshHost>& host = hosts_[name];
    if (!host) {
        host =
            std::make_shared<SshHost>(name, options_of(name), options_.ssh_config_file, options_.connections_per_host);
    }
    return host;
}

void SshHosts::set_options(SshOptions options) {
    bool same_for_all = options.ssh_config_file == options_.ssh_config_file &&
                        options.connections_per_host == options_.connections_per_host;
    options_ = std::move(options);
    std::erase_if(hosts_, [&](const auto& entry) {
        return !same_for_all || !entry.second->options().is_as(options_of(entry.first));
    });
}

void SshHosts::close_idle(Duration age) {
    for (auto& [name, host] : hosts_) host->close_idle(age);
}

}  // namespace syncline
