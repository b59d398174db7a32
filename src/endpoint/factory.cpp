#include "endpoint/factory.hpp"

#include "endpoint/bucket.hpp"
#include "endpoint/local.hpp"
#include "endpoint/local_watch.hpp"
#include "endpoint/ssh.hpp"
#include "fs/ignore_files.hpp"

namespace syncline {

std::unique_ptr<Endpoint> Endpoints::open(const Destination& destination, const EndpointOptions& options) {
    switch (destination.type) {
        case Destination::Type::local:
            return std::make_unique<LocalEndpoint>(destination.path, options.fsync, workers_, hashes_, limiter_);
        case Destination::Type::ssh:
            if (ssh_hosts_ == nullptr)
                throw Error(Errc::usage, destination.name + ": SSH destinations cannot be used here");
            return std::make_unique<SshEndpoint>(*ssh_hosts_, destination, options, workers_, limiter_);
        case Destination::Type::bucket:
            if (buckets_ == nullptr)
                throw Error(Errc::usage, destination.name + ": bucket destinations cannot be used here");
            return std::make_unique<BucketEndpoint>(*buckets_, destination, options, workers_);
    }
    return nullptr;
}

std::unique_ptr<IgnoreSource> Endpoints::ignore_files(const std::string& root, const std::vector<std::string>& names) {
    return std::make_unique<fs::IgnoreFiles>(root, names);
}

std::unique_ptr<SourceWatch> Endpoints::watch(SourceWatchOptions options) {
    return std::make_unique<LocalWatch>(std::move(options), workers_);
}

bool Endpoints::is_mount_point(const std::string& path) { return syncline::is_mount_point(path); }

}  // namespace syncline
