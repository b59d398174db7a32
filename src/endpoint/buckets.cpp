#include "endpoint/buckets.hpp"

#include "base/text.hpp"
#include "endpoint/ssh_means.hpp"

namespace syncline {
void Buckets::set_tables(BucketTables tables) {
    tables_ = std::move(tables);
    clients_.clear();
}

s3::S3Settings Buckets::settings_of(const std::string& name) const {
    auto table = tables_.find(name);
    if (table != tables_.end()) return table->second;
    size_t colon = name.find(':');
    if (colon == std::string::npos)
        throw Error(Errc::usage, "the job file has no [buckets." + escape(name) +
                                     "]; 'syncline buckets ls' shows those that it has");
    std::string provider = name.substr(0, colon);
    s3::S3Settings settings;
    for (const auto& [known, candidate] : tables_) {
        if (candidate.provider == s3::provider_of(provider)) {
            settings = candidate;
            break;
        }
    }
    settings.name = name;
    settings.provider = s3::provider_of(provider);
    settings.bucket = name.substr(colon + 1);
    return settings;
}

std::shared_ptr<BucketClient> Buckets::client(const std::string& name) {
    std::shared_ptr<BucketClient>& client = clients_[name];
    if (!client) {
        s3::Pacer pacer;
        if (limiter_ != nullptr) pacer = [limiter = limiter_](uint64_t bytes) { return take_share(*limiter, bytes); };
        client = std::make_shared<BucketClient>(executor_, settings_of(name), std::move(pacer));
    }
    return client;
}

}  // namespace syncline
