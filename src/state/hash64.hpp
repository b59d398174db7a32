// A 64-bit hash of bytes, the same on every machine. It guards against accidents, not against people: use Digest for
// those.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace syncline {

/// Eight little-endian bytes.
inline uint64_t read_u64(const char* from) {
    uint64_t value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (std::endian::native == std::endian::big) value = __builtin_bswap64(value);
    return value;
}

/// Each step is a bijection of the state, so that two inputs of one length which differ in one word never hash alike.
inline uint64_t hash64(std::string_view bytes, uint64_t seed) {
    auto mix = [](uint64_t state, uint64_t word) {
        state = (state ^ word) * 0x9E3779B97F4A7C15u;
        return state ^ state >> 29;
    };
    uint64_t state = mix(seed, bytes.size());
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) state = mix(state, read_u64(bytes.data()));
    uint64_t rest = 0;
    for (char c : bytes) rest = rest << 8 | static_cast<uint8_t>(c);
    return mix(mix(state, rest), 0);
}

}  // namespace syncline
