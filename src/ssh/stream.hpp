// InputSource and OutputSink: where a remote command's stdin comes from, and where its output goes.
#pragma once

#include <string>
#include <string_view>

#include "async/task.hpp"

namespace syncline::ssh {

class InputSource {
  public:
    virtual ~InputSource() = default;
    /// The next bytes, valid until the next call; empty at the end. Pieces of 64 KiB and more are fast.
    virtual Task<std::string_view> next() = 0;
};

class OutputSink {
  public:
    virtual ~OutputSink() = default;
    /// Called in order; while it runs nothing more is read, and the sender is held back.
    virtual Task<void> take(std::string_view bytes) = 0;
};

/// Bytes that are there already.
class StringInput final : public InputSource {
  public:
    explicit StringInput(std::string bytes) : bytes_(std::move(bytes)) {}
    Task<std::string_view> next() override;

  private:
    std::string bytes_;
    bool given_ = false;
};

/// Collects; more than `limit` bytes is an SshError (limit).
class StringSink final : public OutputSink {
  public:
    explicit StringSink(size_t limit) : limit_(limit) {}
    Task<void> take(std::string_view bytes) override;
    std::string take_bytes() { return std::move(bytes_); }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
    size_t limit_;
};

}  // namespace syncline::ssh
