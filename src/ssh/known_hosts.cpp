#include "ssh/known_hosts.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/error.hpp"
#include "base/text.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

std::string sha1_hmac(std::string_view key, std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest, &size);
    return std::string(reinterpret_cast<char*>(digest), size);
}

/// `|1|SALT|HASH`: the HMAC of the name under the salt, both in base64.
bool matches_hashed(std::string_view field, std::string_view name) {
    auto parts = split(field, '|');
    if (parts.size() != 4 || parts[1] != "1") return false;
    auto salt = decode_base64(parts[2]);
    auto hash = decode_base64(parts[3]);
    return salt && hash && !hash->empty() && sha1_hmac(*salt, name) == *hash;
}

bool matches_host(std::string_view field, std::string_view name) {
    if (field.starts_with('|')) return matches_hashed(field, name);
    bool matched = false;
    for (auto pattern : split(field, ',')) {
        bool negated = pattern.starts_with('!');
        if (negated) pattern.remove_prefix(1);
        if (!pattern.empty() && matches_host_pattern(to_lower(pattern), name)) {
            if (negated) return false;
            matched = true;
        }
    }
    return matched;
}

/// The name that a key's blob begins with, which is its type.
std::string blob_type(std::string_view blob) {
    if (blob.size() < 4) return "";
    size_t size = 0;
    for (char byte : blob.substr(0, 4)) size = size << 8 | static_cast<uint8_t>(byte);
    return size > 64 || blob.size() - 4 < size ? "" : std::string(blob.substr(4, size));
}

}  // namespace

bool matches_host_pattern(std::string_view pattern, std::string_view name) {
    if (std::ranges::count(pattern, '*') > 8) return false;  // hardly meant, and slow
    if (pattern.empty()) return name.empty();
    if (pattern[0] == '*') {
        return matches_host_pattern(pattern.substr(1), name) ||
               (!name.empty() && matches_host_pattern(pattern, name.substr(1)));
    }
    return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
           matches_host_pattern(pattern.substr(1), name.substr(1));
}

std::string HostKey::fingerprint() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(blob.data(), blob.size(), digest, &size, EVP_sha256(), nullptr);
    auto text = base64(std::string_view(reinterpret_cast<char*>(digest), size));
    while (text.ends_with('=')) text.pop_back();
    return "SHA256:" + text;
}

void KnownHosts::add(std::string_view text, const std::string& file) {
    int number = 0;
    for (auto line : split(text, '\n')) {
        ++number;
        auto fields = words(line);
        if (fields.empty() || fields[0].starts_with('#')) continue;
        bool revoked = fields[0] == "@revoked";
        bool is_authority = fields[0] == "@cert-authority";
        if (revoked || is_authority) {
            fields.erase(fields.begin());
        } else if (fields[0].starts_with('@')) {
            continue;
        }
        if (fields.size() < 3) continue;
        bool is_host = matches_host(fields[0], host_);
        bool is_plain = !is_host && !plain_.empty() && matches_host(fields[0], plain_);
        if (!is_host && !is_plain) continue;
        auto blob = decode_base64(fields[2]);
        if (!blob || blob_type(*blob) != fields[1]) continue;
        if (is_authority) {
            authorities_.push_back(std::move(*blob));
            continue;
        }
        KnownHostKey entry{{std::string(fields[1]), std::move(*blob)}, revoked, file, number};
        (is_plain ? plain_keys_ : keys_).push_back(std::move(entry));
    }
}

bool KnownHosts::knows_keys() const {
    auto counts = [](const KnownHostKey& entry) { return !entry.revoked; };
    return std::ranges::any_of(keys_, counts) || std::ranges::any_of(plain_keys_, counts);
}

void KnownHosts::add_certified(HostKey key) { keys_.push_back({std::move(key), false, "its certificate", 0}); }

bool KnownHosts::is_revoked(std::string_view blob) const {
    auto revokes = [&](const KnownHostKey& entry) { return entry.revoked && entry.key.blob == blob; };
    return std::ranges::any_of(keys_, revokes) || std::ranges::any_of(plain_keys_, revokes);
}

HostKeyVerdict KnownHosts::judge(const HostKey& offered) const {
    if (is_revoked(offered.blob)) return HostKeyVerdict::revoked;
    bool any = false;
    bool known = false;
    for (const auto& entry : keys_) {
        known = known || entry.key == offered;
        any = any || !entry.revoked;
    }
    if (known) return HostKeyVerdict::known;
    auto is_offered = [&](const KnownHostKey& entry) { return entry.key == offered; };
    if (!any && std::ranges::any_of(plain_keys_, is_offered)) return HostKeyVerdict::known;
    return any ? HostKeyVerdict::changed : HostKeyVerdict::unknown;
}

std::string KnownHosts::algorithm_preference() const {
    static const std::vector<std::pair<std::string, std::string>> algorithms = {
        {"ssh-ed25519", "ssh-ed25519"},
        {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"},
        {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"},
        {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"},
        {"ssh-rsa", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
    };
    std::string known;
    std::string unknown;
    for (const auto& [type, names] : algorithms) {
        auto is_of_type = [&](const auto& entry) { return !entry.revoked && entry.key.type == type; };
        bool has = std::ranges::any_of(keys_.empty() ? plain_keys_ : keys_, is_of_type);
        (has ? known : unknown) += names + ",";
    }
    auto all = known + unknown;
    all.pop_back();
    return all;
}

std::string known_hosts_name(std::string_view name, uint16_t port) {
    auto lower = to_lower(name);
    return port == 22 ? lower : "[" + lower + "]:" + std::to_string(port);
}

KnownHosts read_known_hosts(KnownHosts known, const std::vector<std::string>& files) {
    for (const auto& file : files) {
        std::error_code error;
        if (!std::filesystem::exists(file, error) && !error) continue;
        std::ifstream stream(file, std::ios::binary);
        std::stringstream text;
        text << stream.rdbuf();
        // As for OpenSSH: a global file may be kept from some.
        if (stream) {
            known.add(text.str(), file);
        } else {
            known.add_unreadable(file);
        }
    }
    return known;
}

void append_known_host(const std::string& file, const std::string& host, const HostKey& key) {
    auto directory = std::filesystem::path(file).parent_path();
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        throw errno_error("create", directory.string(), errno);
    int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) throw errno_error("open", file, errno);
    // A last line without its end must not swallow ours.
    char last = '\n';
    off_t size = ::lseek(fd, 0, SEEK_END);
    if (size > 0 && ::pread(fd, &last, 1, size - 1) != 1) last = '\n';
    auto line = (last == '\n' ? "" : "\n") + host + " " + key.type + " " + base64(key.blob) + "\n";
    // One write of O_APPEND: two programs that append at a time do not mix their lines.
    auto written = ::write(fd, line.data(), line.size());
    int failed = written == static_cast<ssize_t>(line.size()) ? 0 : written < 0 ? errno : EIO;
    ::close(fd);
    if (failed) throw errno_error("write", file, failed);
}

}  // namespace syncline::ssh
