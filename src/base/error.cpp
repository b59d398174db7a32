#include "base/error.hpp"

#include <cstring>

#include "base/text.hpp"

namespace syncline {

std::string errno_text(int error_number) {
    char buffer[128];
    return ::strerror_r(error_number, buffer, sizeof buffer);
}

Error errno_error(std::string_view operation, std::string_view path, int error_number) {
    return {Errc::failed, "cannot " + std::string(operation) + " " + escape(path) + ": " + errno_text(error_number)};
}

}  // namespace syncline
