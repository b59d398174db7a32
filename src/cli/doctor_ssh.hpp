// Doctor's checks of servers: is the host reached, is it the right one, does signing in work, what does it offer, and
// may the job's directory be written. Nothing is changed there.
#pragma once

#include <optional>

#include "async/task.hpp"
#include "cli/doctor_checks.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_host.hpp"

namespace syncline::cli {

/// What is behind one name. An "error" among the findings: the host cannot be used, and its jobs need not be tried.
Task<Findings> check_host(std::shared_ptr<SshHost> host);

/// The directory of `job` on its host, which has been checked. `endpoint` is the job's destination; all outlive the
/// task.
Task<Findings> check_remote_directory(const Job& job, SshHost& host, Endpoint& endpoint,
                                      std::optional<WholeSync> recorded);

}  // namespace syncline::cli
