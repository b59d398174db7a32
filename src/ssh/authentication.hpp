// Signing in: agent, key files, keyboard-interactive, password, in this order.
#pragma once

#include "async/task.hpp"
#include "ssh/session.hpp"

namespace syncline::ssh {

/// Signs in on a session that has just exchanged keys. Throws SshError (authentication) that lists what was tried.
/// Secrets stand in no message.
Task<void> sign_in(Session& session);

}  // namespace syncline::ssh
