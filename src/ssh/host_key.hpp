// The host key's judgement under the settings' policy.
#pragma once

#include "async/task.hpp"
#include "ssh/known_hosts.hpp"
#include "ssh/settings.hpp"

namespace syncline::ssh {

/// What the settings' known_hosts files say of the host; where they leave that to a certificate authority, it is asked
/// for the host's certificates, whose keys then count as known.
Task<KnownHosts> known_hosts_for(SshSettings settings);

/// Returns when the key that the server has proven to hold is one to trust: known, or unknown and accepted by the
/// policy or the user, in which case it is appended. Throws SshError (host_key) with both fingerprints or the command
/// that adds the key. Both outlive it.
Task<void> check_host_key(const SshSettings& settings, const KnownHosts& known, std::string blob);

/// The command with which the user tries the same connection with the ssh client, and has an unknown key stored where
/// it is looked for.
std::string ssh_command(const SshSettings& settings, const std::string& options = "");

}  // namespace syncline::ssh
