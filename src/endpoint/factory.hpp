// The one place that knows every kind of endpoint.
#pragma once

#include "async/offload.hpp"
#include "endpoint/buckets.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_host.hpp"
#include "fs/hash.hpp"
#include "fs/rate_limiter.hpp"

namespace syncline {

class Endpoints : public EndpointFactory {
  public:
    /// The pools outlive every endpoint.
    Endpoints(WorkerPool& workers, fs::HashPool& hashes) : workers_(workers), hashes_(hashes) {}

    std::unique_ptr<Endpoint> open(const Destination& destination, const EndpointOptions& options) override;
    std::unique_ptr<IgnoreSource> ignore_files(const std::string& root, const std::vector<std::string>& names) override;
    std::unique_ptr<SourceWatch> watch(SourceWatchOptions options) override;
    bool is_mount_point(const std::string& path) override;

    /// Without hosts, SSH destinations are refused. They outlive every endpoint.
    void set_ssh_hosts(SshHosts* hosts) { ssh_hosts_ = hosts; }
    /// Without buckets, bucket destinations are refused. They outlive every endpoint.
    void set_buckets(Buckets* buckets) {
        buckets_ = buckets;
        if (buckets_ != nullptr) buckets_->set_limiter(limiter_);
    }
    /// What all transfers share, bytes a second; nullopt: no limit. Holds at once for transfers under way.
    void set_bandwidth_limit(std::optional<uint64_t> bytes_per_second) { limiter_.set_rate(bytes_per_second); }

  private:
    WorkerPool& workers_;
    fs::HashPool& hashes_;
    SshHosts* ssh_hosts_ = nullptr;
    Buckets* buckets_ = nullptr;
    fs::RateLimiter limiter_;
};

}  // namespace syncline
