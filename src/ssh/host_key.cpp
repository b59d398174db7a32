#include "ssh/host_key.hpp"

#include "base/text.hpp"
#include "ssh/error.hpp"
#include "ssh/host_certificate.hpp"
#include "ssh/sftp_packet.hpp"

namespace syncline::ssh {
namespace {

/// A path as a value of ssh_config: `%` begins a token there, and a blank ends a word.
std::string config_value(const std::string& path) {
    std::string value;
    for (char c : path) value += c == '%' ? "%%" : std::string(1, c);
    return value.find_first_of(" \t") == std::string::npos ? value : "\"" + value + "\"";
}

/// "ED25519", as OpenSSH names it.
std::string short_type(const std::string& type) {
    if (type == "ssh-ed25519") return "ED25519";
    if (type == "ssh-rsa") return "RSA";
    return type.starts_with("ecdsa-") ? "ECDSA" : escape(type);
}

SshError refused(const SshSettings& settings, const std::string& why) {
    return SshError(Failure::host_key, settings.shown() + ": " + why);
}

SshError changed(const SshSettings& settings, const KnownHosts& known, const HostKey& offered) {
    std::string recorded, forgotten;
    for (const auto& entry : known.keys()) {
        if (entry.revoked) continue;
        if (forgotten.empty()) forgotten = entry.file;
        recorded += (recorded.empty() ? "" : ", ") + entry.key.fingerprint() + " (" + escape(entry.key.type) + ", " +
                    escape(entry.file) + ":" + std::to_string(entry.line) + ")";
    }
    return refused(settings, "the host key has CHANGED, which may be an attack. Known: " + recorded +
                                 "; offered: " + offered.fingerprint() + " (" + escape(offered.type) +
                                 "). If its owner confirms the new key, forget the old one with `ssh-keygen -R " +
                                 sh_quote(known.host()) + " -f " + sh_quote(forgotten) + "` and then run `" +
                                 ssh_command(settings) + "`");
}

/// For an unknown key, as the ssh client asks.
Task<bool> user_accepts(const SshSettings& settings, const KnownHosts& known, HostKey offered) {
    std::string text = "The authenticity of host '" + escape(known.host()) + "' can't be established.\n" +
                       short_type(offered.type) + " key fingerprint is " + offered.fingerprint() + ".\n";
    std::string question = "Are you sure you want to continue connecting (yes/no/[fingerprint])? ";
    while (true) {
        SecretPrompt prompt(SecretPrompt::Type::host_key, settings.shown(), text + question, true);
        auto asking = settings.passphrase(std::move(prompt));
        auto answer = co_await std::move(asking);
        if (!answer || *answer == "no") co_return false;
        if (*answer == "yes" || *answer == offered.fingerprint()) co_return true;
        text.clear();
        question = "Please type 'yes', 'no' or the fingerprint: ";
    }
}

SshError unknown(const SshSettings& settings, const KnownHosts& known, const HostKey& offered) {
    std::string text = "the host key is not known: " + offered.fingerprint() + " (" + escape(offered.type) + ")";
    for (const auto& file : known.unreadable()) text += "; " + escape(file) + " cannot be read";
    if (!known.authorities().empty()) {
        text +=
            "; known_hosts trusts a certificate authority for this host, but no certificate of it for this key "
            "was found";
        if (!known.certificate_trouble().empty()) text += " (" + known.certificate_trouble() + ")";
    }
    return refused(settings, text + ". Compare it with what the server's owner says and add it with `" +
                                 ssh_command(settings) +
                                 "`, or set host_key = \"accept-new\" or use "
                                 "--accept-new-host-key");
}

}  // namespace

std::string ssh_command(const SshSettings& settings, const std::string& options) {
    std::string command = "ssh" + (options.empty() ? "" : " " + options);
    if (!settings.ssh_config_file.empty()) command += " -F " + sh_quote(settings.ssh_config_file);
    if (!settings.known_hosts.empty()) {
        command += " -o UserKnownHostsFile=" + sh_quote(config_value(settings.known_hosts[0]));
    }
    if (!settings.host_key_alias.empty()) command += " -o HostKeyAlias=" + sh_quote(settings.host_key_alias);
    if (!settings.proxy_jump.empty()) command += " -J " + sh_quote(settings.proxy_jump);
    if (settings.proxy_jump.empty() && !settings.proxy_command.empty()) {
        command += " -o " + sh_quote("ProxyCommand=" + settings.proxy_command);
    }
    return command + " -p " + std::to_string(settings.port) + " " + sh_quote(settings.user + "@" + settings.hostname);
}

Task<KnownHosts> known_hosts_for(SshSettings settings) {
    // OpenSSH looks an alias up without the port.
    bool has_alias = !settings.host_key_alias.empty();
    auto plain = known_hosts_name(has_alias ? settings.host_key_alias : settings.hostname, 22);
    auto name = has_alias ? plain : known_hosts_name(settings.hostname, settings.port);
    KnownHosts empty(name, name == plain ? "" : plain);
    auto known = read_known_hosts(std::move(empty), settings.known_hosts);
    if (known.knows_keys() || known.authorities().empty()) co_return known;
    auto certifying = add_certified_keys(settings, plain, known);
    co_await std::move(certifying);
    co_return known;
}

Task<void> check_host_key(const SshSettings& settings, const KnownHosts& known, std::string blob) {
    SftpReader reader(blob);
    HostKey offered;
    offered.type = std::string(reader.read_string());
    offered.blob = blob;
    switch (known.judge(offered)) {
        case HostKeyVerdict::known: co_return;
        case HostKeyVerdict::revoked:
            throw refused(settings, "the host key " + offered.fingerprint() +
                                        " is marked @revoked in known_hosts; do not connect");
        case HostKeyVerdict::changed: throw changed(settings, known, offered);
        case HostKeyVerdict::unknown: break;
    }
    bool is_accepted = settings.host_key_policy == HostKeyPolicy::accept_new;
    if (settings.host_key_policy == HostKeyPolicy::ask && settings.passphrase) {
        auto asking = user_accepts(settings, known, offered);
        is_accepted = co_await std::move(asking);
    }
    if (!is_accepted || settings.known_hosts.empty()) throw unknown(settings, known, offered);
    append_known_host(settings.known_hosts[0], known.host(), offered);
}

}  // namespace syncline::ssh
