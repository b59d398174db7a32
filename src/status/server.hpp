// Server: answers HTTP on a loopback port or a Unix socket with what was published last. It reads snapshots and nothing
// else, on threads of its own, so that no client can hold up the engine.
//
// Made and destroyed by the engine's thread. At most 64 clients at a time, of which 16 may follow /events; where there
// are more, those who have not sent their request give way, then newcomers are turned away.
#pragma once

#include <memory>
#include <string>

#include "status/publication.hpp"

namespace syncline::status {

class Server {
  public:
    /// Listens from now on: see Listener. `publication` outlives the server. Throws Error.
    Server(const std::string& where, const Publication& publication);
    /// Hangs up on everybody.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// "http://127.0.0.1:7411/", or "unix:/path".
    const std::string& address() const;
    /// As it was given.
    const std::string& where() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace syncline::status
