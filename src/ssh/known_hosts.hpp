// KnownHosts: what OpenSSH's known_hosts files say of one host (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): hashed names,
// patterns, [host]:port, several keys a host, @revoked, @cert-authority. Values only; reading and appending are two
// functions of their own.
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
    /// `host` as it is looked up: the name, or `[name]:port` for another port than 22. `plain` is the name alone, under
    /// which a key counts too where the other says nothing, as for OpenSSH; "" when there is none.
    explicit KnownHosts(std::string host, std::string plain = "") : host_(std::move(host)), plain_(std::move(plain)) {}

    /// Takes up what `text`, the content of `file`, says of the host. Malformed lines are skipped.
    void add(std::string_view text, const std::string& file);

    const std::string& host() const { return host_; }
    const std::vector<KnownHostKey>& keys() const { return keys_; }
    /// Keys of those who may sign host certificates for the host, as the protocol carries them.
    const std::vector<std::string>& authorities() const { return authorities_; }
    bool is_revoked(std::string_view blob) const;
    /// Whether any key counts for the host.
    bool knows_keys() const;
    /// A key that a certificate of one of the authorities vouches for.
    void add_certified(HostKey key);
    /// Why there may be no certificate; for messages.
    const std::string& certificate_trouble() const { return certificate_trouble_; }
    void set_certificate_trouble(std::string why) { certificate_trouble_ = std::move(why); }

    /// Files that are there and cannot be read; nothing in them counts.
    const std::vector<std::string>& unreadable() const { return unreadable_; }
    void add_unreadable(std::string file) { unreadable_.push_back(std::move(file)); }

    HostKeyVerdict judge(const HostKey& offered) const;

    /// Host key algorithms for the key exchange, comma-separated: those of known keys first, so that a host is not
    /// taken for a changed one because it offered another of its keys.
    std::string algorithm_preference() const;

  private:
    std::string host_, plain_;
    std::vector<KnownHostKey> keys_, plain_keys_;
    std::vector<std::string> authorities_;
    std::vector<std::string> unreadable_;
    std::string certificate_trouble_;
};

/// A pattern of sshd(8), with `*` and `?`. Both are in lower case.
bool matches_host_pattern(std::string_view pattern, std::string_view name);

/// `name`, or `[name]:port` when the port is not 22; in lower case.
std::string known_hosts_name(std::string_view name, uint16_t port);

/// Reads the files that exist.
KnownHosts read_known_hosts(KnownHosts known, const std::vector<std::string>& files);

/// Appends a line to `file`, creating it (0600) and its directory (0700) where they are missing.
void append_known_host(const std::string& file, const std::string& host, const HostKey& key);

}  // namespace syncline::ssh
