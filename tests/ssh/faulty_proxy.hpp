// A TCP proxy that does a wrong thing after so many bytes, for tests.
#pragma once

#include <atomic>
#include <vector>

#include "ssh_server.hpp"

namespace syncline::ssh {

enum class Fault { none, drop, stall, trickle };

class FaultyProxy final : public Listener {
  public:
    /// After `after_bytes` from the server, each connection drops, stands still, or gives one byte in 200 ms.
    FaultyProxy(uint16_t upstream, Fault fault, uint64_t after_bytes);
    ~FaultyProxy() override;

    /// Bytes that came from the server in all.
    uint64_t passed_bytes() const { return passed_; }

  private:
    void serve(int connection) override;
    void relay(int client, int server);

    uint16_t upstream_;
    Fault fault_;
    uint64_t after_bytes_;
    std::atomic<uint64_t> passed_{0};
    std::atomic<bool> ending_{false};
    std::vector<std::thread> relays_;
};

}  // namespace syncline::ssh
