// BodySink and Pacer: where a downloaded body goes, and what holds a transfer to a rate.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "async/task.hpp"

namespace syncline::s3 {

class BodySink {
  public:
    virtual ~BodySink() = default;
    /// Called in order, each byte once, also where the connection had to be made anew in the middle. While it runs the
    /// sender is held back. Pieces are up to 1 MiB. It must not wait for another request of the same client: its place
    /// among those that are under way is taken until it returns.
    virtual Task<void> take(std::string_view bytes) = 0;
};

/// Collects; more than `limit` bytes is an S3Error (limit).
class StringBody final : public BodySink {
  public:
    explicit StringBody(size_t limit) : limit_(limit) {}
    Task<void> take(std::string_view bytes) override;
    const std::string& bytes() const { return bytes_; }
    std::string take_bytes() { return std::move(bytes_); }

  private:
    std::string bytes_;
    size_t limit_;
};

/// Returns when `bytes` more may be sent or taken. Empty: at once. Asked for each 64 KiB or so of a body.
using Pacer = std::function<Task<void>(uint64_t bytes)>;

}  // namespace syncline::s3
