#include "status/control_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace syncline::status {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_;
};

[[noreturn]] void fail(const std::string& operation, const std::string& path, int number) {
    throw Error(Errc::failed,
                "cannot " + operation + " the control socket " + escape(path) + ": " + errno_text(number));
}

/// An address has room for 107 bytes. A longer path is named through its directory's descriptor, which lives as long as
/// this.
class Address {
  public:
    explicit Address(const std::string& path) : directory_(needs_directory(path) ? open_directory(path) : -1) {
        std::string name = path;
        if (directory_.get() >= 0) {
            name = "/proc/self/fd/" + std::to_string(directory_.get()) + path.substr(path.rfind('/'));
        }
        if (name.size() >= sizeof address_.sun_path) fail("name", path, ENAMETOOLONG);
        address_.sun_family = AF_UNIX;
        std::memcpy(address_.sun_path, name.c_str(), name.size() + 1);
    }

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }

  private:
    static bool needs_directory(const std::string& path) { return path.size() >= sizeof(sockaddr_un::sun_path); }
    static int open_directory(const std::string& path) {
        return ::open(path.substr(0, path.rfind('/')).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    }

    Descriptor directory_;
    sockaddr_un address_{};
};

}  // namespace

int listen_at(const std::string& path) {
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    // The mode that a socket has before it is bound is that of its file.
    if (fd.get() < 0 || ::fchmod(fd.get(), 0600) != 0) fail("make", path, errno);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("replace", path, errno);
    Address address(path);
    if (::bind(fd.get(), address.get(), sizeof(sockaddr_un)) != 0) fail("make", path, errno);
    if (::listen(fd.get(), SOMAXCONN) != 0) fail("listen on", path, errno);
    return fd.release();
}

std::optional<int> connect_to(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        fail("look at", path, errno);
    }
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) fail("make", path, errno);
    Address address(path);
    if (::connect(fd.get(), address.get(), sizeof(sockaddr_un)) != 0) {
        if (errno == ECONNREFUSED || errno == ENOENT) return std::nullopt;
        fail("connect to", path, errno);
    }
    if (!is_own_user(fd.get())) {
        throw Error(Errc::failed,
                    "another user listens at the control socket " + escape(path) + "; see who that is, and remove it");
    }
    return fd.release();
}

bool is_own_user(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace syncline::status
