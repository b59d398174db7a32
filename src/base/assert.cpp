#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace syncline::detail {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "syncline: internal error: %s does not hold (%s:%d); nothing more was changed\n", expression,
                 file, line);
    std::abort();
}

}  // namespace syncline::detail
