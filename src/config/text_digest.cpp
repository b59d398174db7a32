#include "config/text_digest.hpp"

#include <openssl/evp.h>

#include "base/assert.hpp"
#include "base/digest.hpp"

namespace syncline {

std::string text_digest(std::string_view text) {
    Digest digest;
    unsigned size = 0;
    int done = ::EVP_Digest(text.data(), text.size(), digest.bytes.data(), &size, ::EVP_sha256(), nullptr);
    SYNCLINE_ASSERT(done == 1 && size == digest.bytes.size());
    return digest.hex();
}

}  // namespace syncline
