// Markers: a random line that a script prints first, so that what start-up files print before it can be told apart and
// dropped. Pure, but for the kernel's random numbers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace syncline::ssh {

/// "syncline-" and 32 hex digits.
std::string random_marker();

/// sh commands that print `marker` as a line to stdout and to stderr.
std::string marker_commands(const std::string& marker);

/// Drops everything up to and with the line of a marker.
class MarkerFilter {
  public:
    explicit MarkerFilter(const std::string& marker) : marker_(marker + "\n") {}

    /// What of `bytes` comes after the marker. Throws SshError (limit) when it does not come.
    std::string_view pass(std::string_view bytes);

    bool found() const { return found_; }
    /// What came before it.
    const std::string& noise() const { return noise_; }

  private:
    std::string marker_;
    std::string noise_;
    bool found_ = false;
};

}  // namespace syncline::ssh
