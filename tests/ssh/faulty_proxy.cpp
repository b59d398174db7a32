#include "faulty_proxy.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace syncline::ssh {
namespace {

int connect_to(uint16_t port) {
    int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(port);
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    [[maybe_unused]] int result = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
    return fd;
}

/// Moves up to `limit` bytes; 0 when one side has ended.
ssize_t move_bytes(int from, int to, size_t limit) {
    std::array<char, 16384> buffer;
    auto count = ::recv(from, buffer.data(), std::min(limit, buffer.size()), 0);
    if (count <= 0) return 0;
    for (ssize_t sent = 0; sent < count;) {
        auto some = ::send(to, buffer.data() + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
        if (some <= 0) return 0;
        sent += some;
    }
    return count;
}

}  // namespace

FaultyProxy::FaultyProxy(uint16_t upstream, Fault fault, uint64_t after_bytes, Sender sender)
    : upstream_(upstream), fault_(fault), after_bytes_(after_bytes), sender_(sender) {
    start();
}

FaultyProxy::~FaultyProxy() {
    stop();
    ending_ = true;
    for (auto& relay : relays_) relay.join();
}

void FaultyProxy::serve(int connection) {
    int server = connect_to(upstream_);
    relays_.emplace_back([this, connection, server] { relay(connection, server); });
}

void FaultyProxy::relay(int client, int server) {
    uint64_t passed = 0;
    bool open = true;
    while (open && !ending_) {
        bool faulty = fault_ != Fault::none && passed >= after_bytes_;
        if (faulty && fault_ == Fault::drop) break;
        pollfd watched[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        // The trickle is paced by the wait that watches the client only.
        ::poll(watched, faulty ? 1 : 2, faulty ? 200 : 50);
        if (watched[0].revents) {
            auto count = move_bytes(client, server, 16384);
            open = count > 0;
            if (sender_ == Sender::client)
                passed += static_cast<uint64_t>(count), passed_ += static_cast<uint64_t>(count);
        }
        if (faulty && fault_ == Fault::stall) continue;
        if (faulty) ::poll(&watched[1], 1, 0);
        if (open && watched[1].revents) {
            bool is_bounded = fault_ != Fault::none && sender_ == Sender::server;
            auto limit = faulty ? 1 : is_bounded ? after_bytes_ - passed : 16384;
            auto count = move_bytes(server, client, limit);
            open = count > 0;
            if (sender_ == Sender::server)
                passed += static_cast<uint64_t>(count), passed_ += static_cast<uint64_t>(count);
        }
    }
    ::close(client);
    ::close(server);
}

}  // namespace syncline::ssh
