// Secrets: who answers when a server or a key file asks for one: the job file's `password`, or the user. They stand in
// no message, log or command line.
#pragma once

#include <string>

#include "cli/terminal.hpp"
#include "config/job.hpp"
#include "ssh/settings.hpp"

namespace syncline::cli {

/// The password of `host` as its table says. Null where passwords are not to be tried. `terminal` outlives it.
ssh::SecretSource password_source(const Host& host, Terminal& terminal);

/// Asks the user, as ssh does; null where there is nobody to ask.
ssh::SecretSource terminal_source(Terminal& terminal);

}  // namespace syncline::cli
