// SSH options: what the job file says of its hosts, as the endpoints take it.
#pragma once

#include "cli/terminal.hpp"
#include "config/job.hpp"
#include "endpoint/ssh_host.hpp"

namespace syncline::cli {

/// Without a file (null) every host is one of ssh_config. `terminal` outlives the options.
SshOptions ssh_options(const JobFile* file, Terminal& terminal);

}  // namespace syncline::cli
