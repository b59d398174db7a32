#include "endpoint/ssh_host.hpp"

namespace syncline {

SshHost::SshHost(std::string name, SshHostOptions options, std::string ssh_config_file, size_t connections)
    : name_(std::move(name)),
      options_(std::move(options)),
      ssh_config_file_(std::move(ssh_config_file)),
      connections_(connections) {}

Task<ssh::SessionPool::Lease> SshHost::acquire() {
    if (!pool_) {
        ssh::SshSettings settings = co_await ssh::resolve_settings(options_.table, ssh_config_file_);
        settings.password = options_.password;
        settings.passphrase = options_.passphrase;
        auto executor = co_await asio::this_coro::executor;
        // Somebody else may have been here meanwhile.
        if (!pool_) pool_ = std::make_unique<ssh::SessionPool>(executor, std::move(settings), connections_);
    }
    co_return co_await pool_->acquire();
}

SshHost& SshHosts::host(const std::string& name) {
    std::unique_ptr<SshHost>& host = hosts_[name];
    if (host) return *host;
    auto found = options_.hosts.find(name);
    SshHostOptions options;
    if (found != options_.hosts.end()) {
        options = found->second;
    } else {
        options.password = options_.password;
        options.passphrase = options_.passphrase;
    }
    options.table.name = name;
    host = std::make_unique<SshHost>(name, std::move(options), options_.ssh_config_file, options_.connections_per_host);
    return *host;
}

}  // namespace syncline
