#include "ssh/key_file.hpp"

#include <fstream>

#include "ssh/sftp_packet.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t longest_key_file_bytes = 64 * 1024;

std::optional<std::string> read_small_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::string text(longest_key_file_bytes + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(stream.gcount()));
    if (text.empty() || text.size() > longest_key_file_bytes) return std::nullopt;
    return text;
}

/// Of the base64 between the lines of an OpenSSH key.
std::optional<KeyFile> parse_openssh(std::string_view base64_text) {
    constexpr std::string_view magic{"openssh-key-v1\0", 15};
    auto bytes = decode_base64(base64_text);
    if (!bytes || !bytes->starts_with(magic)) return std::nullopt;
    SftpReader reader(std::string_view(*bytes).substr(magic.size()));
    KeyFile key;
    key.encrypted = reader.read_string() != "none";
    reader.read_string();  // the key derivation's name and options
    reader.read_string();
    auto count = reader.read_u32();
    key.public_blob = std::string(reader.read_string());
    if (!reader.ok() || count != 1) return std::nullopt;
    return key;
}

std::string read_public_line(const std::string& path) {
    auto line = read_small_file(path);
    auto fields = line ? words(*line) : std::vector<std::string_view>();
    auto blob = fields.size() < 2 ? "" : decode_base64(fields[1]).value_or("");
    bool is_key = !blob.empty() && SftpReader(blob).read_string() == fields[0];
    return is_key ? blob : "";
}

}  // namespace

std::optional<KeyFile> parse_key_file(std::string_view text) {
    constexpr std::string_view begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
    constexpr std::string_view end = "-----END OPENSSH PRIVATE KEY-----";
    if (auto first = text.find(begin); first != std::string_view::npos) {
        auto body = text.substr(first + begin.size());
        return parse_openssh(body.substr(0, body.find(end)));
    }
    if (text.find("PRIVATE KEY-----") == std::string_view::npos) return std::nullopt;
    KeyFile key;
    key.encrypted = text.find("ENCRYPTED") != std::string_view::npos;
    return key;
}

std::optional<KeyFile> read_key_file(const std::string& path) {
    auto text = read_small_file(path);
    auto key = text ? parse_key_file(*text) : std::nullopt;
    if (!key || !key->public_blob.empty()) return key;
    key->public_blob = read_public_line(path + ".pub");
    return key;
}

std::string read_public_key(const std::string& path) {
    if (auto key = read_key_file(path); key && !key->public_blob.empty()) return key->public_blob;
    auto beside = read_public_line(path + ".pub");
    return beside.empty() ? read_public_line(path) : beside;
}

}  // namespace syncline::ssh
