#include "status/control_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <list>
#include <nlohmann/json.hpp>

#include "async/cancel.hpp"
#include "async/deadline.hpp"
#include "async/nursery.hpp"
#include "base/text.hpp"
#include "status/control_socket.hpp"

namespace syncline::status {
namespace {

using Socket = asio::local::stream_protocol::socket;

constexpr size_t most_connections = 64, most_of_a_process = 16;
constexpr Duration patience_with_reader = std::chrono::seconds(10);
constexpr Duration patience_with_writer = std::chrono::seconds(5);
constexpr int usage_status = 2, failed_status = 1;

short ready_events(int fd, short wanted) {
    pollfd entry{fd, wanted, 0};
    return ::poll(&entry, 1, 0) > 0 ? entry.revents : short{0};
}

Task<void> write_all(Socket& socket, const std::string& line) {
    try {
        auto written = asio::async_write(socket, asio::buffer(line), asio::use_awaitable);
        co_await std::move(written);
    } catch (const asio::system_error& error) {
        if (is_cancellation(std::current_exception())) throw;
        throw Error(Errc::lost, "the client is gone: " + error.code().message());
    }
}

Task<void> read_request(ControlConnection& connection, std::optional<std::string>& line, std::string& why) {
    auto reading = connection.read_line(why);
    line = co_await std::move(reading);
}

/// Answers one request; false when the connection is to end.
Task<bool> answer_next(ControlConnection& connection, const ControlHandler& handler) {
    std::optional<std::string> line;
    std::string why;
    auto reading = read_request(connection, line, why);
    auto limited = with_deadline(std::move(reading), patience_with_writer, "reading a request");
    co_await std::move(limited);
    std::optional<ControlRequest> request;
    if (line) request = parse_request(*line, why);
    if (request) {
        auto answer = handler(*request, connection);
        co_await std::move(answer);
        co_return true;
    }
    if (why.empty()) co_return false;
    auto told = connection.send(error_line(usage_status, why));
    co_await std::move(told);
    co_return line.has_value();
}

/// Who is connected. Nobody can keep others out by being connected and asking nothing.
class Clients {
  public:
    struct Client {
        int fd;
        pid_t process;
        bool is_idle = true;
    };

    /// "" or why there is no place. Makes one where the client that has been silent for the longest can go.
    std::string why_no_place(pid_t process) {
        auto is_of_process = [&](const Client& client) { return client.process == process; };
        if (std::ranges::count_if(clients_, is_of_process) >= static_cast<ptrdiff_t>(most_of_a_process)) {
            return "your process " + std::to_string(process) + " has " + std::to_string(most_of_a_process) +
                   " connections to the engine already; close some, or end that process";
        }
        if (clients_.size() < most_connections) return "";
        auto idle = std::ranges::find_if(clients_, &Client::is_idle);
        if (idle == clients_.end()) {
            return "the engine serves " + std::to_string(most_connections) +
                   " clients at this moment; try again when some have ended";
        }
        ::shutdown(idle->fd, SHUT_RDWR);
        idle->is_idle = false;
        return "";
    }

    Client* add(int fd, pid_t process) { return &clients_.emplace_back(Client{fd, process}); }
    void remove(Client* client) {
        clients_.remove_if([&](const Client& other) { return &other == client; });
    }

  private:
    std::list<Client> clients_;  ///< the oldest first
};

pid_t process_of(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Task<void> serve_connection(Socket socket, const ControlHandler& handler, Clients& clients) {
    struct Place {
        Clients& clients;
        Clients::Client* client;
        ~Place() { clients.remove(client); }
    };
    int fd = socket.native_handle();
    Place place{clients, clients.add(fd, process_of(fd))};
    ControlHandler watched = [&](const ControlRequest& request, ControlConnection& of) {
        place.client->is_idle = false;
        return handler(request, of);
    };
    ControlConnection connection(std::move(socket));
    try {
        while (co_await answer_next(connection, watched)) place.client->is_idle = true;
    } catch (const std::exception&) {
        // A connection that is of no use any more. Whoever waits for the engine's end must hear of it at once.
        if (is_cancellation(std::current_exception())) throw;
    }
}

/// The file goes with the listener, before the lock does.
struct SocketFile {
    std::string path;
    ~SocketFile() { ::unlink(path.c_str()); }
};

Task<void> accept_clients(std::string path, const ControlHandler& handler, Clients& clients, Nursery& nursery,
                          std::function<void()> is_up) {
    auto executor = co_await asio::this_coro::executor;
    asio::local::stream_protocol::acceptor acceptor(executor);
    acceptor.assign(asio::local::stream_protocol(), listen_at(path));
    SocketFile file{path};
    if (is_up) is_up();
    asio::steady_timer pause(executor);
    while (true) {
        std::error_code error;
        auto accepting = acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
        Socket socket = co_await std::move(accepting);
        if (error == asio::error::operation_aborted) throw Cancelled();
        if (error) {
            // Out of descriptors, most likely: they come back.
            pause.expires_after(std::chrono::seconds(1));
            auto resting = pause.async_wait(asio::use_awaitable);
            co_await std::move(resting);
            continue;
        }
        int fd = socket.native_handle();
        if (!is_own_user(fd)) continue;
        std::string why = clients.why_no_place(process_of(fd));
        if (why.empty()) {
            nursery.spawn(serve_connection(std::move(socket), handler, clients));
            continue;
        }
        std::string line = error_line(failed_status, why);
        ::send(fd, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

}  // namespace

std::string error_line(int exit_status, const std::string& message) {
    nlohmann::ordered_json object{{"event", "error"}, {"exit_status", exit_status}};
    object["message"] = utf8_lossy(message);
    return object.dump(-1, ' ', true) + "\n";
}

Task<void> ControlConnection::send(std::string line) {
    auto writing = write_all(socket_, line);
    auto limited = with_deadline(std::move(writing), patience_with_reader, "answering a client");
    co_await std::move(limited);
}

void ControlConnection::offer(const std::string& line) {
    // A socket that can be written has room for some pages, so a line goes whole or not at all.
    int fd = socket_.native_handle();
    if ((ready_events(fd, POLLOUT) & POLLOUT) != 0) ::send(fd, line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool ControlConnection::has_hung_up() { return (ready_events(socket_.native_handle(), 0) & (POLLHUP | POLLERR)) != 0; }

Task<void> ControlConnection::wait_for_cancel() {
    while (!has_hung_up()) {
        while (std::optional<std::string> line = take_line()) {
            std::string why;
            std::optional<ControlRequest> request = parse_request(*line, why);
            if (request && request->command == "cancel") co_return;
        }
        if (!at_end_ && buffer_.size() < longest_request) {
            co_await read_more();
            continue;
        }
        // Half closed, as by `nc -N`: it still reads.
        auto gone = socket_.async_wait(Socket::wait_error, asio::use_awaitable);
        co_await std::move(gone);
    }
}

Task<std::optional<std::string>> ControlConnection::read_line(std::string& why) {
    while (true) {
        std::optional<std::string> line = take_line();
        if (line) co_return line;
        if (buffer_.size() >= longest_request) {
            why = "the request is longer than 1 MiB";
            co_return std::nullopt;
        }
        if (at_end_) co_return std::nullopt;
        co_await read_more();
    }
}

std::optional<std::string> ControlConnection::take_line() {
    size_t end = buffer_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return line;
}

Task<void> ControlConnection::read_more() {
    constexpr size_t chunk = 64 << 10;
    std::string bytes(chunk, '\0');
    std::error_code error;
    auto reading = socket_.async_read_some(asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
    size_t count = co_await std::move(reading);
    if (error == asio::error::operation_aborted) throw Cancelled();
    if (error) at_end_ = true;
    buffer_.append(bytes, 0, count);
}

Task<void> serve_control(std::string path, const ControlHandler& handler, std::function<void()> is_up) {
    Clients clients;
    auto body = [&](Nursery& nursery) { return accept_clients(path, handler, clients, nursery, is_up); };
    co_await with_nursery(body);
}

}  // namespace syncline::status
