// Listener: the socket that the status endpoint listens on: a loopback port or a Unix socket, never anything else.
#pragma once

#include <string>

namespace syncline::status {

class Listener {
  public:
    /// `where` is the job file's `listen`: "127.0.0.1:7411", "localhost:0" (any free port) or "unix:/path" (mode 0600;
    /// one that nobody listens on is replaced). Throws Error{failed} that says what is in the way.
    explicit Listener(const std::string& where);
    /// Takes a Unix socket away, if it still is this one.
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    int fd() const { return fd_; }
    /// "http://127.0.0.1:7411/", or "unix:/path".
    const std::string& address() const { return address_; }
    /// As it was given.
    const std::string& where() const { return where_; }

  private:
    void listen_on_port(const std::string& host, const std::string& port);
    void listen_on_path(const std::string& path);

    std::string where_, address_, path_;
    int fd_ = -1;
    unsigned long long inode_ = 0;
};

}  // namespace syncline::status
