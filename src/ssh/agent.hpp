// Agent: the user's ssh-agent (draft-miller-ssh-agent), asked without blocking: it may wait for the user to confirm.
#pragma once

#include <asio/local/stream_protocol.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.hpp"

namespace syncline::ssh {

class Agent {
  public:
    explicit Agent(const asio::any_io_executor& executor) : socket_(executor) {}

    /// False when nobody listens there.
    Task<bool> connect(std::string path);

    struct Key {
        std::string blob;
        std::string comment;
    };
    /// Empty when the agent has none, is locked or talks nonsense.
    Task<std::vector<Key>> list();

    /// The signature of `data`: string type, string signature. nullopt when the agent refuses.
    Task<std::optional<std::string>> sign(std::string key_blob, std::string data, uint32_t flags);

  private:
    Task<std::optional<std::string>> ask(std::string body);

    asio::local::stream_protocol::socket socket_;
};

/// As `flags` for sign().
constexpr uint32_t agent_rsa_sha2_256 = 2, agent_rsa_sha2_512 = 4;

}  // namespace syncline::ssh
