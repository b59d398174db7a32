// Sums: SHA-256 and MD5 of what goes to a bucket or lies beside it. Blocks, so it is called on a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/digest.hpp"

namespace syncline {

/// 16 raw bytes.
std::string md5_text(std::string_view bytes);
Digest sha256_of(std::string_view bytes);

struct ContentSums {
    uint64_t size = 0;
    Digest sha256;
    std::string md5;  ///< 16 raw bytes; "" when it was not asked for
};

ContentSums sums_of(std::string_view bytes, bool with_md5);

/// The sums of what comes piece by piece.
class SumsInOrder {
  public:
    explicit SumsInOrder(bool with_md5);
    ~SumsInOrder();
    SumsInOrder(const SumsInOrder&) = delete;
    SumsInOrder& operator=(const SumsInOrder&) = delete;

    void add(std::string_view bytes);
    ContentSums finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Reads an open file from its start to its end. Throws Error, and Cancelled when stopped.
ContentSums sum_file(int file, bool with_md5, std::stop_token stop);

/// The same of so many bytes from `offset` on, or fewer at the file's end.
ContentSums sum_range(int file, uint64_t offset, uint64_t bytes, bool with_md5, const std::stop_token& stop);

/// Fills `buffer` from `offset` on; how many bytes there were. Throws Error.
size_t read_into(int file, uint64_t offset, std::span<char> buffer);
/// So many bytes from `offset` on; fewer at the file's end. Throws Error.
std::string read_piece(int file, uint64_t offset, uint64_t bytes);

}  // namespace syncline
