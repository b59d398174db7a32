#include <openssl/evp.h>

#include <utility>

#include "base/assert.hpp"
#include "fs/hash.hpp"

namespace syncline::fs {

namespace {

EVP_MD_CTX* as_context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

/// Fetched once: looking an algorithm up takes OpenSSL 3 longer than hashing a small file. Never freed, as hashers may
/// outlive every static object.
const EVP_MD* sha256() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    SYNCLINE_ASSERT(algorithm != nullptr);
    return algorithm;
}

}  // namespace

Hasher::Hasher() : context_(EVP_MD_CTX_new()) {
    SYNCLINE_ASSERT(context_ != nullptr);
    SYNCLINE_ASSERT(EVP_DigestInit_ex2(as_context(context_), sha256(), nullptr) == 1);
}

Hasher::~Hasher() { EVP_MD_CTX_free(as_context(context_)); }

Hasher::Hasher(Hasher&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}

Hasher& Hasher::operator=(Hasher&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
}

void Hasher::update(std::span<const std::byte> bytes) {
    SYNCLINE_ASSERT(EVP_DigestUpdate(as_context(context_), bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
    Digest digest;
    SYNCLINE_ASSERT(EVP_DigestFinal_ex(as_context(context_), digest.bytes.data(), nullptr) == 1);
    SYNCLINE_ASSERT(EVP_DigestInit_ex2(as_context(context_), nullptr, nullptr) == 1);
    return digest;
}

Digest Hasher::so_far() const {
    Hasher copy;
    SYNCLINE_ASSERT(EVP_MD_CTX_copy_ex(as_context(copy.context_), as_context(context_)) == 1);
    return copy.finish();
}

}  // namespace syncline::fs
