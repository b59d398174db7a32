// The host key's judgement under the settings' policy.
#pragma once

#include <string_view>

#include "ssh/known_hosts.hpp"
#include "ssh/settings.hpp"

namespace syncline::ssh {

/// What the settings' known_hosts files say of the host.
KnownHosts known_hosts_for(const SshSettings& settings);

/// Returns when the key that the server has proven to hold is one to trust, appending it under accept_new. Throws
/// SshError (host_key) with both fingerprints or the command that adds the key.
void check_host_key(const SshSettings& settings, const KnownHosts& known, std::string_view blob);

}  // namespace syncline::ssh
