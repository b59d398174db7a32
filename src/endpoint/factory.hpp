// The one place that knows every kind of endpoint.
#pragma once

#include "async/offload.hpp"
#include "endpoint/endpoint.hpp"
#include "fs/hash.hpp"

namespace syncline {

class Endpoints : public EndpointFactory {
  public:
    /// The pools outlive every endpoint.
    Endpoints(WorkerPool& workers, fs::HashPool& hashes) : workers_(workers), hashes_(hashes) {}

    std::unique_ptr<Endpoint> open(const Destination& destination, bool fsync) override;
    std::unique_ptr<IgnoreSource> ignore_files(const std::string& root, const std::vector<std::string>& names) override;
    bool is_mount_point(const std::string& path) override;

  private:
    WorkerPool& workers_;
    fs::HashPool& hashes_;
};

}  // namespace syncline
