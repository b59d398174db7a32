// ZstdWriter, ZstdReader: one zstd frame, written or read in whatever pieces it comes. For one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace syncline {

/// Compresses at level 3, with a checksum of the whole content at the end.
class ZstdWriter {
  public:
    ZstdWriter();
    ~ZstdWriter();
    ZstdWriter(const ZstdWriter&) = delete;
    ZstdWriter& operator=(const ZstdWriter&) = delete;

    /// Appends to `out` what is ready, which may be nothing.
    void add(std::string_view bytes, std::string& out);
    /// Appends the rest, and ends the frame.
    void finish(std::string& out);

  private:
    void compress(std::string_view bytes, bool is_last, std::string& out);

    ZSTD_CCtx_s* context_;
};

class ZstdReader {
  public:
    using Take = std::function<void(std::string_view bytes)>;

    ZstdReader();
    ~ZstdReader();
    ZstdReader(const ZstdReader&) = delete;
    ZstdReader& operator=(const ZstdReader&) = delete;

    /// Hands what it holds to `take`, in pieces. What comes after the frame, and after an error, is not looked at.
    void feed(std::string_view bytes, const Take& take);

    /// Whether the frame came to its end, with the checksum right.
    bool is_whole() const { return is_whole_; }
    /// "" or why nothing more is read.
    const std::string& error() const { return error_; }

  private:
    ZSTD_DCtx_s* context_;
    std::string buffer_;
    std::string error_;
    bool is_whole_ = false;
};

}  // namespace syncline
