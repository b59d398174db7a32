// SessionPool: the connections to one host that all jobs share. Engine's thread only; outlives its leases.
//
// A connection is made when it is needed and no idle one is there, up to `limit`; it is kept for the next. Failures of
// the network are tried again with growing pauses. One sign-in at a time runs for a host, so that it never asks twice
// at once; and after a refused sign-in, the next callers get the same error for a while instead of locking the account.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/semaphore.hpp"
#include "async/task.hpp"
#include "ssh/session.hpp"
#include "ssh/sftp.hpp"

namespace syncline::ssh {

class SessionPool {
  public:
    SessionPool(asio::any_io_executor executor, SshSettings settings, size_t limit);
    ~SessionPool();
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;

    struct Connection {
        std::unique_ptr<Session> session;
        std::unique_ptr<Sftp> sftp;  ///< once somebody asked for it; dies before the session
        SteadyTime idle_since;
    };

    /// A connection of one's own until it dies; then it goes back to the pool, or is closed when it is not usable any
    /// more.
    class Lease {
      public:
        Lease(SessionPool& pool, Semaphore::Permit permit, std::unique_ptr<Connection> connection);
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&&) = delete;
        ~Lease();

        Session& session() { return *connection_->session; }
        /// The connection's SFTP channel, started at the first call. Throws SshError (no_sftp).
        Task<Sftp*> sftp();

      private:
        SessionPool* pool_;
        Semaphore::Permit permit_;
        std::unique_ptr<Connection> connection_;
    };

    /// Waits for its turn, then takes an idle connection that still answers, or makes one.
    Task<Lease> acquire();
    /// The same where a place is free at once. Who holds a connection already may only ask for more like this: two that
    /// waited for each other's would wait for ever.
    Task<std::optional<Lease>> acquire_if_free();

    /// Closes idle connections that nobody has used for `age`.
    void close_idle(Duration age);

    const SshSettings& settings() const { return settings_; }
    size_t limit() const { return limit_; }

  private:
    Task<std::unique_ptr<Connection>> take_idle();
    Task<std::unique_ptr<Connection>> connect();
    Task<std::unique_ptr<Connection>> connect_patiently();
    Task<std::optional<std::string>> ask(SecretSource source, SecretPrompt prompt);
    SecretSource remembering(SecretSource source);
    void remember_refusal(const SshError& failure);
    void give_back(std::unique_ptr<Connection> connection);

    asio::any_io_executor executor_;
    SshSettings settings_;
    size_t limit_;
    Semaphore places_;
    Semaphore sign_in_;
    bool signs_in_silently_ = false;                 ///< it has, without asking anybody: then several may at a time
    std::map<std::string, std::string> secrets_;     ///< answers so far, by the prompt's text; overwritten when it ends
    std::vector<std::unique_ptr<Connection>> idle_;  ///< the most recently used last
    std::optional<SshError> refusal_;                ///< of the last sign-in, until refused_until_
    SteadyTime refused_until_{};
};

}  // namespace syncline::ssh
