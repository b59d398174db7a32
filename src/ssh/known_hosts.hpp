// KnownHosts: what OpenSSH's known_hosts files say of one host (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): hashed names,
// patterns, [host]:port, several keys a host, @revoked. @cert-authority lines are ignored: host certificates are not
// used. Values only; reading and appending are two functions of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"

namespace syncline::ssh {

struct HostKey {
    std::string type;  ///< "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa" ...
    std::string blob;  ///< the key as the protocol carries it (not base64)

    bool operator==(const HostKey&) const = default;

    /// "SHA256:...", as ssh-keygen -l prints it.
    std::string fingerprint() const;
};

struct KnownHostKey {
    HostKey key;
    bool revoked = false;
    std::string file;
    int line = 0;
};

enum class HostKeyVerdict { known, unknown, changed, revoked };

class KnownHosts {
  public:
    /// `host` as it is looked up: the name, or `[name]:port` for another port than 22.
    explicit KnownHosts(std::string host) : host_(std::move(host)) {}

    /// Takes up what `text`, the content of `file`, says of the host. Malformed lines are skipped.
    void add(std::string_view text, const std::string& file);

    const std::string& host() const { return host_; }
    const std::vector<KnownHostKey>& keys() const { return keys_; }

    HostKeyVerdict judge(const HostKey& offered) const;

    /// Host key algorithms for the key exchange, comma-separated: those of known keys first, so that a host is not
    /// taken for a changed one because it offered another of its keys.
    std::string algorithm_preference() const;

  private:
    std::string host_;
    std::vector<KnownHostKey> keys_;
};

/// `name`, or `[name]:port` when the port is not 22; in lower case.
std::string known_hosts_name(std::string_view name, uint16_t port);

/// Reads the files that exist. Throws when one exists and cannot be read.
KnownHosts read_known_hosts(const std::string& host, const std::vector<std::string>& files);

/// Appends a line to `file`, creating it (0600) and its directory (0700) where they are missing.
void append_known_host(const std::string& file, const std::string& host, const HostKey& key);

}  // namespace syncline::ssh
