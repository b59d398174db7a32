#include "ssh/host_certificate.hpp"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "async/process.hpp"
#include "base/text.hpp"
#include "ssh/sftp_packet.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr std::string_view certificate_ending = "-cert-v01@openssh.com";
constexpr uint32_t type_of_host = 2;
constexpr size_t most_scanned_bytes = 256 * 1024;
constexpr Duration scan_limit = std::chrono::seconds(15);

using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&::EVP_PKEY_CTX_free)>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&::EVP_MD_CTX_free)>;
using Number = std::unique_ptr<BIGNUM, decltype(&::BN_free)>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&::OSSL_PARAM_BLD_free)>;
using Parameters = std::unique_ptr<OSSL_PARAM, decltype(&::OSSL_PARAM_free)>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

void add_field(std::string& blob, std::string_view field) {
    for (int shift = 24; shift >= 0; shift -= 8) blob += static_cast<char>(field.size() >> shift & 0xff);
    blob += field;
}

Number number_of(std::string_view mpint) {
    return {::BN_bin2bn(bytes_of(mpint), static_cast<int>(mpint.size()), nullptr), &::BN_free};
}

Key key_from(const char* algorithm, OSSL_PARAM_BLD* builder) {
    Parameters parameters(::OSSL_PARAM_BLD_to_param(builder), &::OSSL_PARAM_free);
    KeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr), &::EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    bool is_made = parameters && context && ::EVP_PKEY_fromdata_init(context.get()) == 1 &&
                   ::EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
    return {is_made ? key : nullptr, &::EVP_PKEY_free};
}

/// What is left of `reader` is the key's own.
Key read_key(std::string_view type, SftpReader reader) {
    Builder builder(::OSSL_PARAM_BLD_new(), &::OSSL_PARAM_BLD_free);
    if (type == "ssh-ed25519") {
        auto point = reader.read_string();
        return {::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(point), point.size()),
                &::EVP_PKEY_free};
    }
    if (type == "ssh-rsa") {
        auto e = number_of(reader.read_string());
        auto n = number_of(reader.read_string());
        if (!reader.ok() || ::BN_num_bits(n.get()) < 2048) return {nullptr, &::EVP_PKEY_free};
        ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
        ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
        return key_from("RSA", builder.get());
    }
    std::string curve(reader.read_string());
    auto point = reader.read_string();
    if (!reader.ok() || type != "ecdsa-sha2-" + curve || !curve.starts_with("nistp"))
        return {nullptr, &::EVP_PKEY_free};
    const std::string group = "P-" + curve.substr(5);
    ::OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0);
    ::OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    return key_from("EC", builder.get());
}

/// The pair of numbers that SSH sends as OpenSSL takes it.
std::string ecdsa_signature(std::string_view pair) {
    SftpReader reader(pair);
    auto r = number_of(reader.read_string());
    auto s = number_of(reader.read_string());
    std::unique_ptr<ECDSA_SIG, decltype(&::ECDSA_SIG_free)> signature(::ECDSA_SIG_new(), &::ECDSA_SIG_free);
    if (!reader.ok() || !signature) return "";
    ::ECDSA_SIG_set0(signature.get(), r.release(), s.release());
    unsigned char* der = nullptr;
    int size = ::i2d_ECDSA_SIG(signature.get(), &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(std::max(size, 0)));
    ::OPENSSL_free(der);
    return text;
}

/// nullptr for Ed25519, which has its own; nullopt for what does not sign certificates (SHA-1 does not).
std::optional<const EVP_MD*> digest_of(std::string_view algorithm) {
    if (algorithm == "ssh-ed25519") return nullptr;
    if (algorithm == "rsa-sha2-256" || algorithm == "ecdsa-sha2-nistp256") return ::EVP_sha256();
    if (algorithm == "rsa-sha2-512" || algorithm == "ecdsa-sha2-nistp521") return ::EVP_sha512();
    if (algorithm == "ecdsa-sha2-nistp384") return ::EVP_sha384();
    return std::nullopt;
}

bool is_signed(const HostCertificate& certificate) {
    SftpReader key_reader(certificate.authority), reader(certificate.signature);
    const std::string type(key_reader.read_string()), algorithm(reader.read_string());
    std::string signature(reader.read_string());
    auto digest = digest_of(algorithm);
    bool fits = type == "ssh-rsa" ? algorithm.starts_with("rsa-") : type == algorithm;
    if (!reader.ok() || !reader.at_end() || !digest || !fits) return false;
    if (algorithm.starts_with("ecdsa-")) signature = ecdsa_signature(signature);
    Key key = read_key(type, key_reader);
    DigestContext context(::EVP_MD_CTX_new(), &::EVP_MD_CTX_free);
    return key && context && ::EVP_DigestVerifyInit(context.get(), nullptr, *digest, nullptr, key.get()) == 1 &&
           ::EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(certificate.signed_bytes),
                              certificate.signed_bytes.size()) == 1;
}

}  // namespace

std::optional<HostCertificate> parse_host_certificate(std::string_view blob) {
    SftpReader reader(blob);
    HostCertificate certificate;
    std::string_view type = reader.read_string();
    if (!type.ends_with(certificate_ending)) return std::nullopt;
    type.remove_suffix(certificate_ending.size());
    certificate.key.type = std::string(type);
    reader.read_string();  // a nonce
    size_t fields = type == "ssh-ed25519" ? 1 : type == "ssh-rsa" || type.starts_with("ecdsa-") ? 2 : 0;
    if (fields == 0) return std::nullopt;
    add_field(certificate.key.blob, type);
    for (size_t i = 0; i < fields; ++i) add_field(certificate.key.blob, reader.read_string());
    reader.read_u64();  // its number
    certificate.is_for_host = reader.read_u32() == type_of_host;
    reader.read_string();  // what the authority calls it
    SftpReader principals(reader.read_string());
    while (principals.ok() && !principals.at_end()) certificate.principals.emplace_back(principals.read_string());
    certificate.valid_after = reader.read_u64();
    certificate.valid_before = reader.read_u64();
    certificate.critical_options = std::string(reader.read_string());
    reader.read_string();  // extensions
    reader.read_string();  // reserved
    certificate.authority = std::string(reader.read_string());
    certificate.signature = std::string(reader.read_string());
    if (!reader.ok() || !reader.at_end() || !principals.ok()) return std::nullopt;
    certificate.signed_bytes = std::string(blob.substr(0, blob.size() - certificate.signature.size() - 4));
    return certificate;
}

std::string why_unfit(const HostCertificate& certificate, const std::string& host,
                      const std::vector<std::string>& authorities, uint64_t now) {
    if (std::ranges::find(authorities, certificate.authority) == authorities.end())
        return "another authority signed it";
    if (!certificate.is_for_host) return "it is a user's";
    if (!certificate.critical_options.empty()) return "it has conditions that are not known here";
    if (now < certificate.valid_after) return "it is not valid yet";
    if (now >= certificate.valid_before) return "it has expired";
    auto names_host = [&](const std::string& principal) { return matches_host_pattern(to_lower(principal), host); };
    if (!std::ranges::any_of(certificate.principals, names_host)) return "it is for other names than " + escape(host);
    return is_signed(certificate) ? "" : "its signature is wrong";
}

Task<void> add_certified_keys(SshSettings settings, std::string host, KnownHosts& known) {
    if (!settings.proxy_jump.empty() || !settings.proxy_command.empty()) {
        known.set_certificate_trouble("certificates cannot be asked for through a proxy");
        co_return;
    }
    std::vector<std::string> command{"ssh-keyscan", "-c", "-T", "10", "-p", std::to_string(settings.port), "--"};
    command.push_back(settings.hostname);
    auto running = run_command(std::move(command), most_scanned_bytes, scan_limit);
    CommandOutput scanned = co_await std::move(running);
    std::string trouble = scanned.started ? "the server showed none" : "ssh-keyscan is not installed here";
    for (auto line : split(scanned.output, '\n')) {
        auto fields = words(line);  // with or without the host in front
        auto blob = fields.size() < 2 ? std::nullopt : decode_base64(fields.back());
        auto certificate = blob ? parse_host_certificate(*blob) : std::nullopt;
        if (!certificate) continue;
        trouble = why_unfit(*certificate, host, known.authorities(), static_cast<uint64_t>(std::time(nullptr)));
        if (trouble.empty() && known.is_revoked(certificate->authority)) trouble = "its authority is revoked";
        if (trouble.empty()) known.add_certified(std::move(certificate->key));
    }
    known.set_certificate_trouble(std::move(trouble));
}

}  // namespace syncline::ssh
