// A TCP proxy that does a wrong thing after so many bytes, for tests.
#pragma once

#include <atomic>
#include <vector>

#include "ssh_server.hpp"

namespace syncline::ssh {

enum class Fault { none, drop, stall, trickle };
/// Whose bytes count.
enum class Sender { server, client };

class FaultyProxy final : public Listener {
  public:
    /// After `after_bytes` from the server, each connection drops, stands still, or gives one byte in 200 ms. Bytes of
    /// the client only lead to a drop.
    FaultyProxy(uint16_t upstream, Fault fault, uint64_t after_bytes, Sender sender = Sender::server);
    ~FaultyProxy() override;

    /// Bytes that came from the sender in all.
    uint64_t passed_bytes() const { return passed_; }

  private:
    void serve(int connection) override;
    void relay(int client, int server);

    uint16_t upstream_;
    Fault fault_;
    uint64_t after_bytes_;
    Sender sender_;
    std::atomic<uint64_t> passed_{0};
    std::atomic<bool> ending_{false};
    std::vector<std::thread> relays_;
};

}  // namespace syncline::ssh
