// Endless bytes that look random, and a place where bytes go and only their digest stays.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <random>
#include <string>

#include "ssh/stream.hpp"

namespace syncline::ssh {

class RunningDigest {
  public:
    RunningDigest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    }
    void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
    std::string finish() {
        std::string digest(32, '\0');
        EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
        return digest;
    }

  private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

class PatternInput final : public InputSource {
  public:
    explicit PatternInput(uint64_t size) : left_(size), piece_(256 * 1024, '\0') {
        std::minstd_rand random(42);
        for (char& byte : piece_) byte = static_cast<char>(random());
    }
    Task<std::string_view> next() override {
        // No two pieces are the same: one that is lost, doubled or moved shows.
        ++*reinterpret_cast<uint64_t*>(piece_.data());
        auto bytes = std::string_view(piece_).substr(0, static_cast<size_t>(std::min<uint64_t>(left_, piece_.size())));
        left_ -= bytes.size();
        digest_.add(bytes);
        co_return bytes;
    }
    std::string digest() { return digest_.finish(); }

  private:
    uint64_t left_;
    std::string piece_;
    RunningDigest digest_;
};

class DigestSink final : public OutputSink {
  public:
    Task<void> take(std::string_view bytes) override {
        size_ += bytes.size();
        digest_.add(bytes);
        co_return;
    }
    uint64_t size() const { return size_; }
    std::string digest() { return digest_.finish(); }

  private:
    uint64_t size_ = 0;
    RunningDigest digest_;
};

}  // namespace syncline::ssh
