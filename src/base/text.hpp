// Text: how bytes that came from a file name are shown and encoded. Names are bytes, never assumed to be UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncline {

/// For terminals and logs: control bytes, DEL, backslash and invalid UTF-8 as `\n`, `\t`, `\\` or `\xNN`; the rest as
/// it is.
std::string escape(std::string_view bytes);

/// Whether `bytes` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view bytes);

struct Utf8Character {
    char32_t code = 0;  ///< beyond Unicode for a byte that is part of no well-formed sequence
    size_t size = 0;    ///< bytes
};
/// The character that begins at `at`, which is before the end.
Utf8Character utf8_at(std::string_view bytes, size_t at);

/// `bytes` with every ill-formed part replaced by U+FFFD; the same string when it is UTF-8.
std::string utf8_lossy(std::string_view bytes);

/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

/// The candidate nearest to `word` when it is near enough to be a misspelling of it; "" when none is.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// `text` as one word of a POSIX shell's command line.
std::string sh_quote(std::string_view text);

/// "1 file", "3 files": the plural is the singular with an `s`.
std::string count_of(size_t count, std::string_view noun);

}  // namespace syncline
