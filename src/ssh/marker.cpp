#include "ssh/marker.hpp"

#include <sys/random.h>

#include <array>
#include <cstdio>

#include "base/assert.hpp"
#include "ssh/error.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t noise_limit_bytes = 1024 * 1024;

}  // namespace

std::string random_marker() {
    std::array<unsigned char, 16> bytes;
    SYNCLINE_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    std::string marker = "syncline-";
    for (auto byte : bytes) {
        char hex[3];
        std::snprintf(hex, sizeof hex, "%02x", byte);
        marker += hex;
    }
    return marker;
}

std::string marker_commands(const std::string& marker) {
    std::string print = "printf '%s\\n' " + marker;
    return print + "; " + print + " >&2\n";
}

std::string_view MarkerFilter::pass(std::string_view bytes) {
    if (found_) return bytes;
    // The part of the marker that an earlier piece may have ended with is searched again.
    auto before = noise_.size();
    noise_ += bytes;
    auto from = before < marker_.size() ? 0 : before - marker_.size();
    auto at = noise_.find(marker_, from);
    if (at == std::string::npos) {
        if (noise_.size() > noise_limit_bytes) {
            throw SshError(Failure::limit,
                           "the login shell prints without end before it runs a command: " + last_line(noise_));
        }
        return {};
    }
    found_ = true;
    auto end = at + marker_.size();
    noise_.resize(at);
    return bytes.substr(end - before);
}

}  // namespace syncline::ssh
