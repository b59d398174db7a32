#include "status/server.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <list>
#include <system_error>
#include <thread>

#include "status/http_service.hpp"
#include "status/listener.hpp"

namespace syncline::status {
namespace {

constexpr size_t most_clients = 64;
/// Those that are asked to give way take a moment to go.
constexpr size_t most_threads = 2 * most_clients;
constexpr int reap_interval_ms = 1000;
constexpr int pause_when_out_of_descriptors_ms = 100;

/// Signals are for the engine's thread; threads inherit what is blocked when they start.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t before_{};
};

/// A client and the thread that serves it.
struct Client {
    explicit Client(int fd) : connection(fd) {}

    Connection connection;
    std::atomic<bool> has_ended{false};
    std::thread thread;
};

void turn_away(int fd) {
    constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    static_cast<void>(::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    ::close(fd);
}

}  // namespace

/// The accepting thread owns the list of clients.
struct Server::Impl {
    Impl(const std::string& where, const Publication& publication)
        : listener(where), service(publication), stop(::eventfd(0, EFD_CLOEXEC)) {
        if (stop < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
        BlockedSignals blocked;
        acceptor = std::thread([this] { accept_clients(); });
    }

    ~Impl() {
        uint64_t one = 1;
        static_cast<void>(!::write(stop, &one, sizeof one));
        acceptor.join();
        ::close(stop);
    }

    void accept_clients() {
        while (!is_stopped_within(clients.empty() ? -1 : reap_interval_ms)) {
            reap();
            int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (fd >= 0) {
                take(fd);
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                std::this_thread::sleep_for(std::chrono::milliseconds(pause_when_out_of_descriptors_ms));
            }
        }
        for (auto& client : clients) client.connection.close_down();
        for (auto& client : clients) client.thread.join();
    }

    /// Returns when there is somebody to accept, too.
    bool is_stopped_within(int timeout_ms) const {
        pollfd polls[] = {{stop, POLLIN, 0}, {listener.fd(), POLLIN, 0}};
        ::poll(polls, 2, timeout_ms);
        return polls[0].revents != 0;
    }

    void reap() {
        std::erase_if(clients, [](Client& client) {
            if (!client.has_ended) return false;
            client.thread.join();
            return true;
        });
    }

    void take(int fd) {
        if (clients.size() >= most_threads) return turn_away(fd);
        if (clients.size() >= most_clients && !make_room()) return turn_away(fd);
        Client& client = clients.emplace_back(fd);
        try {
            client.thread = std::thread([this, &client] {
                service.serve(client.connection);
                client.has_ended = true;
            });
        } catch (const std::system_error&) {
            clients.pop_back();
        }
    }

    /// The one that has been about to ask for the longest time goes.
    bool make_room() {
        auto slow = std::ranges::find_if(clients, [](const Client& client) { return client.connection.is_reading(); });
        if (slow == clients.end()) return false;
        slow->connection.begin_answer();
        slow->connection.close_down();
        return true;
    }

    Listener listener;
    HttpService service;
    int stop;
    std::list<Client> clients;
    std::thread acceptor;
};

Server::Server(const std::string& where, const Publication& publication)
    : impl_(std::make_unique<Impl>(where, publication)) {}

Server::~Server() = default;

const std::string& Server::address() const { return impl_->listener.address(); }

const std::string& Server::where() const { return impl_->listener.where(); }

}  // namespace syncline::status
