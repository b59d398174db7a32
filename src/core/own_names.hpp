// Own names: what syncline calls what it has in the making, what it took aside, and what it keeps for a person. Pure.
//
// Nothing under one of these names is ever synced: a listing leaves out the first two and flags the third as pinned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncline {

/// What stood at a name and was taken aside, until it is known to be what the plan saw. It lies beside that name:
/// ".syncline-old-", 16 lower-case hex digits that follow from the name, and 16 others, nothing else. Of a killed run
/// it may hold somebody's work, and is settled by the next one (core/taken_aside).
inline constexpr std::string_view aside_prefix = ".syncline-old-";
bool is_aside_name(std::string_view name);

/// `tail` is 16 hex digits.
std::string aside_name(std::string_view name, std::string_view tail);
/// Whether it was taken aside from `name`, or from one with the same mark.
bool is_aside_of(std::string_view aside, std::string_view name);
/// The 16 digits that the maker chose.
std::string_view aside_tail(std::string_view aside);

/// Where a person finds what cannot go back to its name: "NAME.syncline-kept-" and 8 hex digits. A long NAME is cut.
bool is_kept_name(std::string_view name);
std::string kept_name(std::string_view name, std::string_view eight_digits);

}  // namespace syncline
