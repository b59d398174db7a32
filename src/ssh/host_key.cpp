#include "ssh/host_key.hpp"

#include "base/text.hpp"
#include "ssh/error.hpp"
#include "ssh/exec.hpp"
#include "ssh/sftp_packet.hpp"

namespace syncline::ssh {
namespace {

/// The command with which the user looks at the key and has it stored where we look for it.
std::string adding_command(const SshSettings& settings) {
    std::string command = "ssh";
    if (!settings.ssh_config_file.empty()) command += " -F " + sh_quote(settings.ssh_config_file);
    if (!settings.known_hosts.empty()) command += " -o UserKnownHostsFile=" + sh_quote(settings.known_hosts[0]);
    if (!settings.host_key_alias.empty()) command += " -o HostKeyAlias=" + sh_quote(settings.host_key_alias);
    if (!settings.proxy_jump.empty()) command += " -J " + sh_quote(settings.proxy_jump);
    if (settings.proxy_jump.empty() && !settings.proxy_command.empty()) {
        command += " -o " + sh_quote("ProxyCommand=" + settings.proxy_command);
    }
    return command + " -p " + std::to_string(settings.port) + " " + sh_quote(settings.user + "@" + settings.hostname);
}

SshError refused(const SshSettings& settings, const std::string& why) {
    return SshError(Failure::host_key, settings.shown() + ": " + why);
}

SshError changed(const SshSettings& settings, const KnownHosts& known, const HostKey& offered) {
    std::string recorded;
    for (const auto& entry : known.keys()) {
        if (entry.revoked) continue;
        recorded += (recorded.empty() ? "" : ", ") + entry.key.fingerprint() + " (" + escape(entry.key.type) + ", " +
                    escape(entry.file) + ":" + std::to_string(entry.line) + ")";
    }
    return refused(settings, "the host key has CHANGED, which may be an attack. Known: " + recorded +
                                 "; offered: " + offered.fingerprint() + " (" + escape(offered.type) +
                                 "). If its owner confirms the new key, forget the old one with `ssh-keygen -R " +
                                 sh_quote(known.host()) + " -f " + sh_quote(known.keys()[0].file) + "` and then run `" +
                                 adding_command(settings) + "`");
}

}  // namespace

KnownHosts known_hosts_for(const SshSettings& settings) {
    // OpenSSH looks an alias up without the port.
    auto name = settings.host_key_alias.empty() ? known_hosts_name(settings.hostname, settings.port)
                                                : known_hosts_name(settings.host_key_alias, 22);
    return read_known_hosts(name, settings.known_hosts);
}

void check_host_key(const SshSettings& settings, const KnownHosts& known, std::string_view blob) {
    SftpReader reader(blob);
    HostKey offered;
    offered.type = std::string(reader.read_string());
    offered.blob = std::string(blob);
    switch (known.judge(offered)) {
        case HostKeyVerdict::known: return;
        case HostKeyVerdict::revoked:
            throw refused(settings, "the host key " + offered.fingerprint() +
                                        " is marked @revoked in known_hosts; do not connect");
        case HostKeyVerdict::changed: throw changed(settings, known, offered);
        case HostKeyVerdict::unknown: break;
    }
    if (settings.host_key_policy == HostKeyPolicy::strict || settings.known_hosts.empty()) {
        throw refused(settings, "the host key is not known: " + offered.fingerprint() + " (" + escape(offered.type) +
                                    "). Compare it with what the server's owner says and add it with `" +
                                    adding_command(settings) + "`, or set host_key = \"accept-new\"");
    }
    append_known_host(settings.known_hosts[0], known.host(), offered);
}

}  // namespace syncline::ssh
