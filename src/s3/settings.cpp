#include "s3/settings.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "base/error.hpp"

namespace syncline::s3 {
namespace {

std::string process_variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value ? value : "";
}

std::string default_region(const S3Settings& settings) {
    switch (settings.provider) {
        case Provider::s3:
            for (const char* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
                if (auto region = settings.environment(name); !region.empty()) return region;
            }
            return "us-east-1";
        case Provider::gcs:
        case Provider::r2: return "auto";
        case Provider::b2: return "";
        default: return "us-east-1";
    }
}

std::string derived_endpoint(const S3Settings& settings) {
    switch (settings.provider) {
        case Provider::s3:
            return "https://s3." + settings.region + ".amazonaws.com" +
                   (settings.region.starts_with("cn-") ? ".cn" : "");
        case Provider::b2: return settings.region.empty() ? "" : "https://s3." + settings.region + ".backblazeb2.com";
        case Provider::gcs: return "https://storage.googleapis.com";
        default: return "";
    }
}

/// As the AWS tools have it. Other providers' endpoints follow from the provider.
std::string endpoint_of_environment(const S3Settings& settings) {
    const bool has_own = settings.provider == Provider::b2 || settings.provider == Provider::gcs;
    for (const char* name : {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}) {
        auto url = has_own ? std::string() : settings.environment(name);
        if (!url.empty()) return url;
    }
    return "";
}

std::string host_of(const std::string& endpoint) {
    const auto begin = endpoint.find("://") + 3;
    return endpoint.substr(begin, endpoint.find_first_of(":/", begin) - begin);
}

/// The certificate of *.s3.REGION.amazonaws.com covers no name with a dot in it.
bool fits_host_name(const std::string& bucket) {
    auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return bucket.size() >= 3 && bucket.size() <= 63 && std::all_of(bucket.begin(), bucket.end(), fits);
}

/// us-west-004 of https://s3.us-west-004.backblazeb2.com: a wrong region would be refused as a wrong signature.
std::string region_in_host(const std::string& host) {
    if (!host.starts_with("s3.")) return "";
    const auto end = host.find('.', 3);
    return end == std::string::npos ? "" : host.substr(3, end - 3);
}

std::string first_variable(const S3Settings& settings) {
    for (const char* name : {"AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
        if (auto value = settings.environment(name); !value.empty()) return value;
    }
    return "";
}

}  // namespace

Provider provider_of(const std::string& name) {
    constexpr std::array names = {std::pair{"s3", Provider::s3},       std::pair{"b2", Provider::b2},
                                  std::pair{"gcs", Provider::gcs},     std::pair{"r2", Provider::r2},
                                  std::pair{"minio", Provider::minio}, std::pair{"generic", Provider::generic}};
    for (const auto& [known, provider] : names) {
        if (name == known) return provider;
    }
    return Provider::generic;
}

S3Settings resolve(S3Settings settings) {
    if (!settings.environment) settings.environment = process_variable;
    const bool is_native = settings.provider == Provider::s3 || settings.provider == Provider::b2;
    if (settings.region.empty() && is_native && !settings.endpoint.empty()) {
        const auto host = host_of(settings.endpoint);
        const bool is_own = host.ends_with(".amazonaws.com") || host.ends_with(".backblazeb2.com");
        if (is_own) settings.region = region_in_host(host);
    }
    if (settings.region.empty()) settings.region = default_region(settings);
    const std::string table = "[buckets." + settings.name + "]";
    if (settings.endpoint.empty()) settings.endpoint = endpoint_of_environment(settings);
    if (settings.endpoint.empty()) settings.endpoint = derived_endpoint(settings);
    if (settings.endpoint.empty()) {
        const bool wants_region = settings.provider == Provider::b2;
        throw Error(Errc::usage, table + " has no endpoint, and it does not follow from the provider; add " +
                                     (wants_region ? "region = \"us-west-004\" (the one that B2 shows)"
                                                   : "endpoint = \"https://...\""));
    }
    if (settings.region.empty()) settings.region = "us-east-1";
    while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
    if (!settings.endpoint.starts_with("https://") && !settings.endpoint.starts_with("http://")) {
        throw Error(Errc::usage, table + " has an endpoint that is no https:// or http:// URL; correct it");
    }
    if (settings.addressing == Addressing::automatic) {
        const bool is_aws = host_of(settings.endpoint).find(".amazonaws.com") != std::string::npos;
        settings.addressing = is_aws && fits_host_name(settings.bucket) ? Addressing::virtual_host : Addressing::path;
    }
    if (settings.ca_file.empty()) settings.ca_file = first_variable(settings);
    return settings;
}

bool checks_signed_digests(const S3Settings& settings) { return settings.provider != Provider::gcs; }

std::string bucket_url(const S3Settings& settings) {
    if (settings.bucket.empty()) return settings.endpoint;
    if (settings.addressing != Addressing::virtual_host) return settings.endpoint + "/" + settings.bucket;
    const auto host = settings.endpoint.find("://") + 3;
    return settings.endpoint.substr(0, host) + settings.bucket + "." + settings.endpoint.substr(host);
}

}  // namespace syncline::s3
