// Lines: takes apart what a program printed. Views into the text, which outlives them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace syncline {

/// Without their line breaks; what follows the last one is a line too, unless it is empty.
std::vector<std::string_view> lines_of(std::string_view text);

/// Takes a NUL-terminated field off the front; nullopt when there is no whole one.
std::optional<std::string_view> take_field(std::string_view& text);

/// Takes what goes to the next space off the front, and that space.
std::string_view take_word(std::string_view& text);

}  // namespace syncline
