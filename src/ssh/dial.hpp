// Dialing: the connected socket under a session, made by TCP or by a proxy command. Engine's thread only.
#pragma once

#include <memory>
#include <string>

#include "async/process.hpp"
#include "async/task.hpp"
#include "ssh/settings.hpp"

namespace syncline::ssh {

/// A connected socket, and the proxy behind it, which ends with it.
struct Dialed {
    Descriptor socket;
    Child proxy;
    std::unique_ptr<MessagePipe> proxy_messages;  ///< null without a proxy
};

/// Connects to the host: by ProxyJump, ProxyCommand, or to each of its addresses in turn. Throws SshError (connect,
/// timed_out).
Task<Dialed> dial(SshSettings settings);

/// The command that carries a connection through `settings.proxy_jump`: an ssh client, for /bin/sh.
std::string proxy_jump_command(const SshSettings& settings);

}  // namespace syncline::ssh
