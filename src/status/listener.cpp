#include "status/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline::status {
namespace {

constexpr int backlog = 64;

Error cannot_listen(const std::string& where, int error_number, const std::string& advice) {
    return Error(Errc::failed, "the status endpoint cannot listen on " + escape(where) + ": " +
                                   errno_text(error_number) + "; " + advice);
}

std::string advice_for(int error_number) {
    if (error_number == EADDRINUSE) return "another program has it; choose another one with [status] listen";
    if (error_number == EACCES) return "ports below 1024 are for root; choose a higher one with [status] listen";
    return "correct [status] listen in the job file";
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    template <class T>
    T& as() {
        size = sizeof(T);
        return reinterpret_cast<T&>(storage);
    }
};

SocketAddress loopback(const std::string& host, uint16_t port) {
    SocketAddress address;
    if (host == "[::1]") {
        auto& six = address.as<sockaddr_in6>();
        six.sin6_family = AF_INET6;
        six.sin6_addr = in6addr_loopback;
        six.sin6_port = htons(port);
        return address;
    }
    auto& four = address.as<sockaddr_in>();
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    bool is_number = ::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1;
    if (!is_number) four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The job file was checked before; this holds whoever calls.
    bool is_loopback = (ntohl(four.sin_addr.s_addr) >> 24) == 127 && (is_number || host == "localhost");
    if (!is_loopback) throw cannot_listen(host, EADDRNOTAVAIL, "only loopback addresses are served");
    return address;
}

uint16_t port_of(int fd) {
    SocketAddress address;
    address.size = sizeof address.storage;
    ::getsockname(fd, address.get(), &address.size);
    // Both families have the port in the same place.
    return ntohs(reinterpret_cast<sockaddr_in&>(address.storage).sin_port);
}

SocketAddress address_of_path(const std::string& path) {
    SocketAddress address;
    auto& local = address.as<sockaddr_un>();
    local.sun_family = AF_UNIX;
    if (path.size() >= sizeof local.sun_path) throw cannot_listen("unix:" + path, ENAMETOOLONG, "choose a shorter one");
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    return address;
}

/// A socket that a killed engine left behind. What somebody listens on, or is no socket, stays.
void remove_abandoned(const std::string& path, SocketAddress& address) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return;
    int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = ::connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED;
    ::close(probe);
    if (is_refused) ::unlink(path.c_str());
}

/// Takes others' access to the socket that was made at `path`, and says which inode it is. In a shared directory
/// another thing may stand there by now: that keeps its mode.
ino_t close_to_others(const std::string& path) {
    int fd = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat made{};
    bool is_ours = fd >= 0 && ::fstat(fd, &made) == 0 && S_ISSOCK(made.st_mode) && made.st_uid == ::geteuid();
    if (is_ours) ::chmod(("/proc/self/fd/" + std::to_string(fd)).c_str(), 0600);
    if (fd >= 0) ::close(fd);
    if (!is_ours) throw cannot_listen("unix:" + path, EACCES, "choose a directory where nobody else may write");
    return made.st_ino;
}

}  // namespace

Listener::Listener(const std::string& where) : where_(where) {
    try {
        if (where.starts_with("unix:")) {
            listen_on_path(where.substr(5));
        } else {
            size_t colon = where.rfind(':');
            listen_on_port(where.substr(0, colon), where.substr(colon + 1));
        }
    } catch (...) {
        if (fd_ >= 0) ::close(fd_);
        throw;
    }
}

void Listener::listen_on_port(const std::string& host, const std::string& port) {
    uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    SocketAddress address = loopback(host, number);
    fd_ = ::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) throw cannot_listen(where_, errno, "correct [status] listen in the job file");
    // A restarted engine takes its port again though old connections still linger.
    int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool listens = ::bind(fd_, address.get(), address.size) == 0 && ::listen(fd_, backlog) == 0;
    if (!listens) throw cannot_listen(where_, errno, advice_for(errno));
    address_ = "http://" + host + ":" + std::to_string(port_of(fd_)) + "/";
}

void Listener::listen_on_path(const std::string& path) {
    SocketAddress address = address_of_path(path);
    remove_abandoned(path, address);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) throw cannot_listen(where_, errno, "correct [status] listen in the job file");
    // The socket gets its mode from the descriptor, so that it is never open to others.
    ::fchmod(fd_, 0600);
    if (::bind(fd_, address.get(), address.size) != 0) throw cannot_listen(where_, errno, advice_for(errno));
    path_ = path;
    inode_ = close_to_others(path);
    if (::listen(fd_, backlog) != 0) throw cannot_listen(where_, errno, advice_for(errno));
    address_ = "unix:" + path;
}

Listener::~Listener() {
    struct stat found{};
    bool is_ours = !path_.empty() && ::lstat(path_.c_str(), &found) == 0 && found.st_ino == inode_;
    if (is_ours) ::unlink(path_.c_str());
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace syncline::status
