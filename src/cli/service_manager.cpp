#include "cli/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace syncline::cli {
namespace {

std::optional<uint64_t> number_of(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    std::string_view digits(text);
    uint64_t number = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return number;
}

}  // namespace

void tell_service_manager(const std::string& state) {
    const char* name = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (name == nullptr || (name[0] != '/' && name[0] != '@') || std::strlen(name) >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    size_t size = std::strlen(name);
    std::memcpy(address.sun_path, name, size);
    if (name[0] == '@') address.sun_path[0] = '\0';  // an abstract address
    int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    // Without a wait: a manager that does not read must not hold the engine up.
    ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address),
             length);
    ::close(fd);
}

std::optional<Duration> watchdog_interval() {
    std::optional<uint64_t> microseconds = number_of("WATCHDOG_USEC");
    std::optional<uint64_t> pid = number_of("WATCHDOG_PID");
    if (!microseconds || *microseconds == 0 || (pid && *pid != static_cast<uint64_t>(::getpid()))) return std::nullopt;
    return std::chrono::duration_cast<Duration>(std::chrono::microseconds(*microseconds));
}

}  // namespace syncline::cli
