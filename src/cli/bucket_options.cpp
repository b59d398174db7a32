#include "cli/bucket_options.hpp"

namespace syncline::cli {

BucketTables bucket_tables(const JobFile& file) {
    BucketTables tables;
    for (const auto& [name, bucket] : file.buckets) {
        s3::S3Settings settings;
        settings.name = name;
        settings.provider = s3::provider_of(bucket.provider);
        settings.bucket = bucket.bucket;
        settings.region = bucket.region;
        settings.endpoint = bucket.endpoint;
        settings.credentials.key_variable = bucket.key_variable;
        settings.credentials.secret_variable = bucket.secret_variable;
        settings.credentials.profile = bucket.profile;
        settings.credentials.instance_metadata = bucket.instance_metadata;
        if (bucket.addressing == "path") settings.addressing = s3::Addressing::path;
        if (bucket.addressing == "host") settings.addressing = s3::Addressing::virtual_host;
        tables.emplace(name, std::move(settings));
    }
    return tables;
}

}  // namespace syncline::cli
