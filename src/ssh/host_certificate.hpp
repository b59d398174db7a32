// Host certificates (OpenSSH, PROTOCOL.certkeys): a certificate authority's word that a key is a host's.
//
// libssh2 cannot be shown one in the key exchange. But a certificate proves itself, whoever hands it over: so it is
// asked for with ssh-keyscan, and the server then has to prove in the key exchange that it holds the key that the
// certificate is about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"
#include "ssh/known_hosts.hpp"
#include "ssh/settings.hpp"

namespace syncline::ssh {

struct HostCertificate {
    HostKey key;  ///< that it is about
    bool is_for_host = false;
    std::vector<std::string> principals;
    uint64_t valid_after = 0, valid_before = 0;  ///< seconds of Unix time
    std::string critical_options;
    std::string authority;  ///< the key that signed, as the protocol carries it
    std::string signed_bytes, signature;
};

/// nullopt for what is none, or of a kind that is not known here. Believes nothing: see why_unfit().
std::optional<HostCertificate> parse_host_certificate(std::string_view blob);

/// "" or why it does not speak for `host` (a name, without port) now, on the word of one of `authorities`.
std::string why_unfit(const HostCertificate& certificate, const std::string& host,
                      const std::vector<std::string>& authorities, uint64_t now);

/// Asks the server for its certificates, and adds the keys of those that are fit to `known`, which outlives it.
Task<void> add_certified_keys(SshSettings settings, std::string host, KnownHosts& known);

}  // namespace syncline::ssh
