#include "endpoint/bucket_sums.hpp"

#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/assert.hpp"
#include "base/error.hpp"
#include "fs/hash.hpp"

namespace syncline {
namespace {

constexpr uint64_t buffer_bytes = uint64_t{256} << 10;  // what is hashed is still in the cache

class Md5 {
  public:
    Md5() : context_(EVP_MD_CTX_new()) {
        SYNCLINE_ASSERT(context_ != nullptr);
        restart();
    }
    ~Md5() { EVP_MD_CTX_free(context_); }
    Md5(const Md5&) = delete;
    Md5& operator=(const Md5&) = delete;

    void update(std::string_view bytes) {
        SYNCLINE_ASSERT(EVP_DigestUpdate(context_, bytes.data(), bytes.size()) == 1);
    }
    /// And begins anew.
    std::string finish() {
        std::string digest(16, '\0');
        SYNCLINE_ASSERT(EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
        restart();
        return digest;
    }

  private:
    void restart() { SYNCLINE_ASSERT(EVP_DigestInit_ex2(context_, algorithm(), nullptr) == 1); }
    static const EVP_MD* algorithm() {
        static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
        SYNCLINE_ASSERT(md5 != nullptr);
        return md5;
    }
    EVP_MD_CTX* context_;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

std::string md5_text(std::string_view bytes) {
    Md5 md5;
    md5.update(bytes);
    return md5.finish();
}

Digest sha256_of(std::string_view bytes) {
    fs::Hasher hasher;
    hasher.update(bytes_of(bytes));
    return hasher.finish();
}

size_t read_into(int file, uint64_t offset, std::span<char> buffer) {
    size_t filled = 0;
    while (filled < buffer.size()) {
        ssize_t got = ::pread(file, &buffer[filled], buffer.size() - filled, static_cast<off_t>(offset + filled));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Error(Errc::failed, "cannot read the source: " + errno_text(errno));
        if (got == 0) break;
        filled += static_cast<size_t>(got);
    }
    return filled;
}

std::string read_piece(int file, uint64_t offset, uint64_t bytes) {
    std::string piece(static_cast<size_t>(bytes), '\0');
    piece.resize(read_into(file, offset, piece));
    return piece;
}

ContentSums sums_of(std::string_view bytes, bool with_md5) {
    return {bytes.size(), sha256_of(bytes), with_md5 ? md5_text(bytes) : ""};
}

struct SumsInOrder::Impl {
    bool with_md5 = false;
    uint64_t size = 0;
    fs::Hasher sha256{};
    Md5 md5{};
};

SumsInOrder::SumsInOrder(bool with_md5) : impl_(std::make_unique<Impl>()) { impl_->with_md5 = with_md5; }
SumsInOrder::~SumsInOrder() = default;

void SumsInOrder::add(std::string_view bytes) {
    impl_->size += bytes.size();
    impl_->sha256.update(bytes_of(bytes));
    if (impl_->with_md5) impl_->md5.update(bytes);
}

ContentSums SumsInOrder::finish() {
    return {impl_->size, impl_->sha256.finish(), impl_->with_md5 ? impl_->md5.finish() : ""};
}

ContentSums sum_range(int file, uint64_t offset, uint64_t bytes, bool with_md5, const std::stop_token& stop) {
    SumsInOrder sums(with_md5);
    std::vector<char> buffer(static_cast<size_t>(std::min(bytes, buffer_bytes)));
    for (uint64_t done = 0; done < bytes;) {
        if (stop.stop_requested()) throw Cancelled();
        size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), bytes - done));
        size_t got = read_into(file, offset + done, std::span(buffer).first(wanted));
        sums.add({buffer.data(), got});
        done += got;
        if (got < wanted) break;
    }
    return sums.finish();
}

ContentSums sum_file(int file, bool with_md5, std::stop_token stop) {
    return sum_range(file, 0, UINT64_MAX, with_md5, stop);
}

}  // namespace syncline
