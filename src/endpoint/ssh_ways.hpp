// Which way a file's content takes over SSH. Pure.
//
// A tar stream costs nothing a file and no round trip, but what it was in the middle of when the connection broke is
// lost, and it fills one connection. SFTP costs requests for each file and a channel to begin with, but goes on from
// any byte, and several connections share the work.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/policy.hpp"

namespace syncline {

enum class Way : uint8_t { stream, file };

class WayChooser {
  public:
    /// `round_trip` is the shortest seen. `files` is how many there are in all.
    WayChooser(Transfer wanted, std::chrono::microseconds round_trip, size_t files);

    /// `kept_bytes`: what lies at the other end already, from an attempt that broke off.
    Way choose(uint64_t size, uint64_t kept_bytes) const;

    /// From this size on a file goes by itself under `auto`.
    uint64_t large_bytes() const { return large_bytes_; }

  private:
    Transfer wanted_;
    uint64_t large_bytes_;
};

}  // namespace syncline
