// The versions of the state: the statements that make each of the one before it. Constant; any thread.
//
// A new version is one more text, and a state that the last release wrote under tests/state/versions/.
#pragma once

#include <cstdint>
#include <span>

namespace syncline {

/// Of a state that is up to date.
inline constexpr int64_t schema_version = 5;

/// The text at N makes version N + 1 of version N.
std::span<const char* const> state_versions();

}  // namespace syncline
