#include "cli/ssh_options.hpp"

#include "cli/secrets.hpp"
#include "endpoint/ssh_root.hpp"

namespace syncline::cli {
namespace {

SshHostOptions host_options(const Host& host, Terminal& terminal) {
    SshHostOptions options;
    options.table.name = host.name;
    options.table.hostname = host.hostname;
    options.table.user = host.user;
    options.table.port = host.port;
    options.table.identity_file = host.identity_file;
    options.table.known_hosts = host.known_hosts;
    if (host.written.contains("host_key")) {
        options.table.host_key_policy =
            host.accept_new_host_key ? ssh::HostKeyPolicy::accept_new : ssh::HostKeyPolicy::strict;
    }
    options.remote_root = host.remote_root;
    options.password = password_source(host, terminal);
    options.passphrase = terminal_source(terminal);
    options.secrets = std::to_string(static_cast<int>(host.password.type)) + " " + host.password.value;
    return options;
}

}  // namespace

SshOptions ssh_options(const JobFile* file, Terminal& terminal) {
    SshOptions options;
    options.client = client_id();
    options.password = terminal_source(terminal);
    options.passphrase = terminal_source(terminal);
    if (file == nullptr) return options;
    options.ssh_config_file = file->engine.ssh_config;
    options.connections_per_host = file->engine.connections_per_host;
    for (const auto& [name, host] : file->hosts) options.hosts.emplace(name, host_options(host, terminal));
    return options;
}

}  // namespace syncline::cli
