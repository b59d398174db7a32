// Assertions that stay in release builds: a broken invariant must stop the program before it touches data.
#pragma once

namespace syncline::detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

/// Ends the process when `expression` is false. For bugs only, never for input or the world.
#define SYNCLINE_ASSERT(expression) \
    ((expression) ? static_cast<void>(0) : ::syncline::detail::assertion_failed(#expression, __FILE__, __LINE__))
