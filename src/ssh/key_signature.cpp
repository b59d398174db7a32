#include "ssh/key_signature.hpp"

#include <libssh2.h>

#include <cstring>

#include "ssh/agent.hpp"
#include "ssh/sftp_packet.hpp"

namespace syncline::ssh {

int PendingSignature::on_sign(_LIBSSH2_SESSION*, unsigned char** signature, size_t* size, const unsigned char* data,
                              size_t data_size, void** abstract) {
    auto& self = *static_cast<PendingSignature*>(*abstract);
    self.data_.assign(reinterpret_cast<const char*>(data), data_size);
    if (self.refused_) return LIBSSH2_ERROR_AUTHENTICATION_FAILED;
    if (!self.signature_) return LIBSSH2_ERROR_EAGAIN;
    return self.give(signature, size);
}

/// The data is that of RFC 4252 section 7: session, message number, user, service, "publickey", TRUE, algorithm, key.
std::string PendingSignature::algorithm() const {
    SftpReader reader(data_);
    reader.read_string();
    reader.read_u8();
    reader.read_string();
    reader.read_string();
    reader.read_string();
    reader.read_u8();
    return std::string(reader.read_string());
}

uint32_t PendingSignature::agent_flags() const {
    auto name = algorithm();
    if (name.starts_with("rsa-sha2-512")) return agent_rsa_sha2_512;
    return name.starts_with("rsa-sha2-256") ? agent_rsa_sha2_256 : 0;
}

void PendingSignature::answer(std::optional<std::string> signature) {
    signature_ = std::move(signature);
    refused_ = !signature_;
}

int PendingSignature::give(unsigned char** signature, size_t* size) {
    SftpReader reader(*signature_);
    auto type = reader.read_string();
    bool is_security_key = type.starts_with("sk-");
    // libssh2 puts what follows a security key's type in as it is, and frames the others itself.
    auto bytes =
        is_security_key && reader.ok() ? std::string_view(*signature_).substr(4 + type.size()) : reader.read_string();
    // An old agent signs RSA with SHA-1 whatever it is asked for; libssh2 then tries again with that.
    if (!reader.ok() || !algorithm().starts_with(type)) {
        signature_.reset();
        return LIBSSH2_ERROR_ALGO_UNSUPPORTED;
    }
    auto* memory = static_cast<unsigned char*>(session_.allocate(bytes.size() + 1));
    if (!memory) return LIBSSH2_ERROR_ALLOC;
    std::memcpy(memory, bytes.data(), bytes.size());
    *signature = memory;
    *size = bytes.size();
    return 0;
}

}  // namespace syncline::ssh
