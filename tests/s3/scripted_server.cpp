#include "scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>

#include "bucket_store.hpp"

namespace syncline::s3 {
namespace {

bool read_more(int fd, std::string& buffer) {
    char bytes[65536];
    const auto count = ::recv(fd, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(count));
    return true;
}

bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
}

SeenRequest parse_head(const std::string& head) {
    SeenRequest request;
    const auto space = head.find(' ');
    request.method = head.substr(0, space);
    request.target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
    size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
        const auto end = std::min(head.find("\r\n", at), head.size());
        const auto colon = head.find(':', at);
        if (colon < end) {
            auto name = head.substr(at, colon - at);
            for (auto& c : name) c = static_cast<char>(std::tolower(c));
            request.headers[name] = head.substr(colon + 2, end - colon - 2);
        }
        at = end + 2;
    }
    return request;
}

}  // namespace

Reply reply(unsigned status, const std::string& body, const std::string& more_headers) {
    Reply result;
    result.bytes = "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\n" + more_headers + "\r\n" + body;
    return result;
}

Reply error_reply(unsigned status, const std::string& code, const std::string& message) {
    return reply(status,
                 "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>" + message +
                     "</Message><RequestId>request-1</RequestId></Error>",
                 "Content-Type: application/xml\r\n");
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ::ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        std::lock_guard lock(mutex_);
        for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
    ::close(listener_);
}

void ScriptedServer::accept_all() {
    while (true) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (stopping_) {
            if (fd >= 0) ::close(fd);
            return;
        }
        if (fd < 0) continue;
        ++connections_;
        std::lock_guard lock(mutex_);
        open_.push_back(fd);
        threads_.emplace_back([this, fd] {
            serve(fd);
            std::lock_guard closing(mutex_);
            open_.remove(fd);
            ::close(fd);
        });
    }
}

void ScriptedServer::serve(int fd) {
    std::string buffer;
    while (true) {
        size_t end = 0;
        while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
            if (!read_more(fd, buffer)) return;
        }
        auto request = parse_head(buffer.substr(0, end));
        buffer.erase(0, end + 4);
        const auto length =
            request.headers.contains("content-length") ? std::stoul(request.headers["content-length"]) : 0;
        if (request.headers.contains("expect")) send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n");
        while (buffer.size() < length) {
            if (!read_more(fd, buffer)) return;
        }
        request.body = buffer.substr(0, length);
        buffer.erase(0, length);
        {
            std::lock_guard lock(mutex_);
            request.number = static_cast<int>(seen_.size());
            seen_.push_back(request);
        }
        const auto answer = script_(request);
        if (answer.then == Reply::Then::trickle) {
            for (size_t i = 0; i < answer.bytes.size(); ++i) {
                if (!send_all(fd, std::string_view(answer.bytes).substr(i, 1))) return;
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            }
        } else if (!send_all(fd, answer.bytes)) {
            return;
        }
        if (answer.then == Reply::Then::close) return;
        if (answer.then == Reply::Then::stall) {
            while (read_more(fd, buffer)) {
            }
            return;
        }
    }
}

std::string ScriptedServer::endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

S3Settings ScriptedServer::settings() const {
    Store here;
    here.endpoint = endpoint();
    here.users[0] = {"access", "secret"};
    return here.settings("bucket");
}

std::vector<SeenRequest> ScriptedServer::seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
}

}  // namespace syncline::s3
