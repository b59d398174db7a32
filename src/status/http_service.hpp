// HttpService: one connection, one request, one answer. What the answer is comes from Routes; a body that comes with a
// request is not read. Any number of threads at a time.
#pragma once

#include <atomic>

#include "status/connection.hpp"
#include "status/http_request.hpp"
#include "status/routes.hpp"

namespace syncline::status {

class HttpService {
  public:
    /// `publication` outlives the service.
    explicit HttpService(const Publication& publication) : publication_(publication), routes_(publication) {}

    /// Returns when the client was answered or has failed to ask within its limits.
    void serve(Connection& connection);

  private:
    void answer(Connection& connection, const HttpRequest& request);
    void stream_events(Connection& connection, const Answer& answer);
    void send_events(Connection& connection);

    const Publication& publication_;
    Routes routes_;
    std::atomic<int> streams_{0};
};

}  // namespace syncline::status
