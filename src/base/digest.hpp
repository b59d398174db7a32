// Digest: a SHA-256 value (FIPS 180-4). Computing one is the business of fs/ and ssh/; this is only the value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline {

struct Digest {
    std::array<uint8_t, 32> bytes{};

    auto operator<=>(const Digest&) const = default;

    /// 64 lower-case hex digits.
    std::string hex() const;
    /// Reads 64 hex digits of either case; nullopt for anything else.
    static std::optional<Digest> from_hex(std::string_view text);
};

}  // namespace syncline
