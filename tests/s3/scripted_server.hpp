// A server that answers what a test tells it to: faults that no real store makes on demand.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "s3/settings.hpp"

namespace syncline::s3 {

struct SeenRequest {
    std::string method, target;                  ///< target: path and query, as sent
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
    int number = 0;  ///< 0 is the first that this server got
};

struct Reply {
    enum class Then : uint8_t { keep, close, stall, trickle };
    std::string bytes;       ///< status line, headers and body, as they are sent
    Then then = Then::keep;  ///< stall: nothing more comes; trickle: a byte every 20 ms
};

/// With Content-Length and Date.
Reply reply(unsigned status, const std::string& body = "", const std::string& more_headers = "");
/// An <Error> document.
Reply error_reply(unsigned status, const std::string& code, const std::string& message = "");

class ScriptedServer {
  public:
    using Script = std::function<Reply(const SeenRequest&)>;
    explicit ScriptedServer(Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string endpoint() const;
    /// Of a bucket "bucket" here, with short patience and a key.
    S3Settings settings() const;
    std::vector<SeenRequest> seen() const;
    int connections() const { return connections_; }

  private:
    void accept_all();
    void serve(int fd);

    Script script_;
    int listener_ = -1;
    uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<int> connections_{0};
    mutable std::mutex mutex_;
    std::vector<SeenRequest> seen_;
    std::list<int> open_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace syncline::s3
