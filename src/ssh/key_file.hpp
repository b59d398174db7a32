// Private key files, as far as signing in needs to look into them: is it one, is it encrypted, which public key is in
// it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncline::ssh {

struct KeyFile {
    bool encrypted = false;
    std::string public_blob;  ///< as the protocol carries it; "" when it cannot be told without decrypting
};

/// Of the text of a private key file: OpenSSH's own format (PROTOCOL.key) or PEM. nullopt for anything else.
std::optional<KeyFile> parse_key_file(std::string_view text);

/// The same for a file, with what `path`.pub adds; nullopt when there is none or it is too large to be one.
std::optional<KeyFile> read_key_file(const std::string& path);

/// The public key that `path` names, as the protocol carries it: by its private key file, `path`.pub, or a public key
/// file itself, whose private half an agent holds. "" when there is none.
std::string read_public_key(const std::string& path);

}  // namespace syncline::ssh
