// SshError: what ends a session or a step on it. It names USER@HOST:PORT, the step and the remedy.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.hpp"

namespace syncline::ssh {

enum class Failure : uint8_t {
    unknown_name,    ///< the host's name leads to no address; asked again, it would hardly do so at once
    connect,         ///< no address answered, the proxy command failed, or no session came about
    lost,            ///< the connection ended in the middle of something
    timed_out,       ///< a step took longer than its deadline, or the peer stalls
    host_key,        ///< unknown under `strict`, changed, or revoked
    authentication,  ///< no method was accepted
    no_shell,        ///< the account does not run commands (sftp only, or a login shell that refuses)
    no_sftp,         ///< the server has no sftp subsystem
    protocol,        ///< the peer broke the rules
    limit,           ///< the peer sent more than was asked for or can be held
    refused,         ///< the server said no to something else (a channel, a PTY)
};

class SshError : public Error {
  public:
    SshError(Failure failure, const std::string& message) : Error(code_of(failure), message), failure_(failure) {}

    Failure failure() const { return failure_; }

    /// Whether a new connection may do better. A refused host key or sign-in stays refused.
    bool may_retry() const {
        return failure_ == Failure::connect || failure_ == Failure::lost || failure_ == Failure::timed_out;
    }

  private:
    static Errc code_of(Failure failure) {
        if (failure == Failure::connect || failure == Failure::unknown_name) return Errc::unreachable;
        return failure == Failure::lost || failure == Failure::timed_out ? Errc::lost : Errc::failed;
    }

    Failure failure_;
};

}  // namespace syncline::ssh
