// PendingSignature: a signature that libssh2 asks for in the middle of a call, and that somebody else makes meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "ssh/session.hpp"

namespace syncline::ssh {

class PendingSignature {
  public:
    /// What a call returns, instead of EAGAIN, when it waits for answer().
    static constexpr long wanted = 1;

    explicit PendingSignature(Session& session) : session_(session) {}

    /// libssh2's callback; `*abstract` is a PendingSignature.
    static int on_sign(_LIBSSH2_SESSION*, unsigned char** signature, size_t* size, const unsigned char* data,
                       size_t data_size, void** abstract);

    /// From now on every signature is refused: for finding out whether the server would take a key.
    void refuse() { refused_ = true; }

    /// Whether data() waits for its signature, or was refused one.
    bool is_wanted() const { return !data_.empty() && !signature_; }
    const std::string& data() const { return data_; }
    /// How the agent is to sign: the hash that the key exchange agreed on for RSA.
    uint32_t agent_flags() const;

    /// `signature` as agents give it: string type, then the signature. nullopt refuses.
    void answer(std::optional<std::string> signature);

  private:
    std::string algorithm() const;
    int give(unsigned char** signature, size_t* size);

    Session& session_;
    std::string data_;
    std::optional<std::string> signature_;
    bool refused_ = false;
};

}  // namespace syncline::ssh
