#include "s3/object.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "base/assert.hpp"

namespace syncline::s3 {
namespace {

void digest_into(const EVP_MD* kind, std::string_view bytes, unsigned char* result) {
    const int done = EVP_Digest(bytes.data(), bytes.size(), result, nullptr, kind, nullptr);
    SYNCLINE_ASSERT(done == 1);
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

std::string md5_of(std::string_view bytes) {
    std::string result(16, '\0');
    digest_into(EVP_md5(), bytes, reinterpret_cast<unsigned char*>(result.data()));
    return result;
}

Digest sha256_of(std::string_view bytes) {
    Digest result;
    digest_into(EVP_sha256(), bytes, result.bytes.data());
    return result;
}

Payload::Payload(std::string_view content) : bytes(content), sha256(sha256_of(content)), md5(md5_of(content)) {}

bool may_be_md5(std::string_view etag) { return etag.size() == 32 && std::all_of(etag.begin(), etag.end(), is_hex); }

std::string multipart_etag(const std::vector<UploadedPart>& parts) {
    std::string digests;
    for (const auto& part : parts) {
        if (!may_be_md5(part.etag)) return {};
        for (size_t i = 0; i < part.etag.size(); i += 2) {
            digests += static_cast<char>(std::stoi(part.etag.substr(i, 2), nullptr, 16));
        }
    }
    constexpr char hex[] = "0123456789abcdef";
    std::string text;
    for (const char c : md5_of(digests)) {
        text += hex[static_cast<unsigned char>(c) >> 4];
        text += hex[static_cast<unsigned char>(c) & 15];
    }
    return text + "-" + std::to_string(parts.size());
}

}  // namespace syncline::s3
