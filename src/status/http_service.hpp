// HttpService: one connection, one request, one answer. cpp-httplib reads the request and writes the answer; what that
// is comes from Routes. Any number of threads at a time.
#pragma once

#include <httplib.h>

#include <atomic>

#include "status/connection.hpp"
#include "status/routes.hpp"

namespace syncline::status {

class HttpService : private httplib::Server {
  public:
    /// `publication` outlives the service.
    explicit HttpService(const Publication& publication);

    /// Returns when the client was answered or has failed to ask within its limits.
    void serve(Connection& connection);

  private:
    void answer(const httplib::Request& request, httplib::Response& response);
    void stream_events(httplib::Response& response);
    bool send_events(httplib::DataSink& sink);

    const Publication& publication_;
    Routes routes_;
    std::atomic<int> streams_{0};
};

}  // namespace syncline::status
