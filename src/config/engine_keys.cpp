// The keys of the file itself, of [status], [engine] and of `clean` tables.
#include <charconv>

#include "config/job.hpp"
#include "config/keys.hpp"
#include "config/paths.hpp"

namespace syncline {
namespace {

/// The port behind the last ':', 0 to 65535 (0: any free one).
bool has_port(std::string_view address) {
    size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) return false;
    std::string_view digits = address.substr(colon + 1);
    unsigned port = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc{} && end == digits.data() + digits.size() && port <= 65535;
}

/// 127.0.0.0/8 in dotted decimal.
bool is_loopback_ipv4(std::string_view host) {
    if (!host.starts_with("127.")) return false;
    int parts = 0;
    while (true) {
        unsigned byte = 0;
        auto [end, error] = std::from_chars(host.data(), host.data() + host.size(), byte);
        if (error != std::errc{} || byte > 255 || ++parts > 4) return false;
        host.remove_prefix(static_cast<size_t>(end - host.data()));
        if (host.empty()) return parts == 4;
        if (!host.starts_with('.')) return false;
        host.remove_prefix(1);
    }
}

void read_listen(const ValueReader& in, std::string& listen) {
    constexpr size_t longest_socket_path = 107;  // sun_path without its NUL
    std::string address;
    in.text(address);
    if (address.empty()) return;
    if (address.starts_with("unix:")) {
        auto path = in.expanded(address.substr(5), true);
        if (!path) return;
        if (path->empty()) return in.fail("needs a path after unix:");
        std::string full = absolute_path(*path, in.context().directory, in.context().environment);
        if (full.size() > longest_socket_path) return in.fail("has a socket path longer than 107 bytes");
        listen = "unix:" + full;
        return;
    }
    if (!has_port(address)) return in.fail("must be \"ADDRESS:PORT\", such as \"127.0.0.1:7411\", or \"unix:/path\"");
    std::string_view host = std::string_view(address).substr(0, address.rfind(':'));
    if (host != "localhost" && host != "[::1]" && !is_loopback_ipv4(host)) {
        return in.fail("must be a loopback address (127.0.0.1, [::1] or localhost): the status endpoint has no login");
    }
    listen = std::move(address);
}

void read_thresholds(const ValueReader& in, CleanPolicy& clean) {
    if (!in.is_table()) return;
    clean.quota_thresholds.clear();
    for (const TomlMember& member : in.value().members) {
        int share = 0;
        const char* end_of_name = member.name.data() + member.name.size();
        auto [end, error] = std::from_chars(member.name.data(), end_of_name, share);
        if (error != std::errc{} || end != end_of_name || share < 0 || share > 100) {
            in.fail_at(member.position, "must have whole per cents of the quota, 0 to 100, as its keys");
            continue;
        }
        std::optional<Duration> max_age;
        ValueReader(in.context(), in.inner_table_name(), in.key(), member.value).duration(max_age);
        if (max_age) clean.quota_thresholds[share] = *max_age;
    }
}

void read_version(const ValueReader& in, JobFile&) {
    int64_t version = 1;
    in.integer(version, INT64_MIN, INT64_MAX);
    if (version != 1) in.fail("is " + std::to_string(version) + ", but this syncline only knows version = 1");
}

void read_hosts(const ValueReader& in, JobFile& file) {
    if (!in.is_table()) return;
    for (const TomlMember& member : in.value().members) {
        if (!in.context().check_name(member, "host")) continue;
        std::string table_name = "[hosts." + member.name + "]";
        if (member.value.type != TomlValue::Type::table) {
            in.fail_at(member.position, "must hold tables: write " + table_name);
            continue;
        }
        Host& host = file.hosts[member.name];
        host.name = member.name;
        read_table(in.context(), table_name, member.value, host_keys(), host);
    }
}

/// What cannot be derived must be given.
void check_bucket(const ValueReader& in, Position position, const Bucket& bucket) {
    std::string table_name = "[buckets." + bucket.name + "]";
    auto needs = [&](const std::string& what) { in.context().errors.add(position, table_name + " needs " + what); };
    if (!bucket.written.contains("bucket")) needs("a bucket: bucket = \"NAME\"");
    auto is_set = [&](const char* name) { return !in.context().environment.variable(name).value_or("").empty(); };
    bool has_endpoint = bucket.written.contains("endpoint") ||
                        (bucket.provider != "b2" && (is_set("AWS_ENDPOINT_URL_S3") || is_set("AWS_ENDPOINT_URL")));
    if (has_endpoint) return;
    if (bucket.provider == "b2" && !bucket.written.contains("region")) needs("a region or an endpoint");
    if (bucket.provider == "r2" || bucket.provider == "minio" || bucket.provider == "generic") {
        needs("an endpoint: provider \"" + bucket.provider + "\" has none that follows from the region");
    }
}

void read_buckets(const ValueReader& in, JobFile& file) {
    if (!in.is_table()) return;
    for (const TomlMember& member : in.value().members) {
        if (!in.context().check_name(member, "bucket")) continue;
        std::string table_name = "[buckets." + member.name + "]";
        if (member.value.type != TomlValue::Type::table) {
            in.fail_at(member.position, "must hold tables: write " + table_name);
            continue;
        }
        Bucket& bucket = file.buckets[member.name];
        bucket.name = member.name;
        read_table(in.context(), table_name, member.value, bucket_keys(), bucket);
        check_bucket(in, member.position, bucket);
    }
}

const Key<JobFile> keys_of_file[] = {
    {{TableKind::file, "version", Shape::integer, "the version of this format: 1"}, read_version},
    {{TableKind::file, "status", Shape::table, "the status endpoint; without this table there is none"},
     [](const ValueReader& in, JobFile& file) {
         if (!in.is_table()) return;
         file.status_position = in.value().position;
         read_table(in.context(), in.inner_table_name(), in.value(), status_keys(), file);
         if (!in.value().find("listen")) in.fail("needs an address: listen = \"127.0.0.1:7411\"");
     }},
    {{TableKind::file, "engine", Shape::table, "what all jobs share"},
     [](const ValueReader& in, JobFile& file) {
         if (in.is_table()) read_table(in.context(), in.inner_table_name(), in.value(), engine_keys(), file.engine);
     }},
    {{TableKind::file, "hosts", Shape::tables, "SSH hosts by the names that `remote` uses"}, read_hosts},
    {{TableKind::file, "buckets", Shape::tables, "buckets by the names that `remote` uses"}, read_buckets},
    {{TableKind::file, "defaults", Shape::table, "keys that every job has unless it says otherwise"},
     [](const ValueReader& in, JobFile& file) {
         if (in.is_table()) read_table(in.context(), in.inner_table_name(), in.value(), job_keys(), file.defaults);
     }},
    // Jobs are read last, from copies of the defaults: parse.cpp.
    {{TableKind::file, "jobs", Shape::tables, "the jobs by their names"},
     [](const ValueReader& in, JobFile&) { static_cast<void>(in.is_table()); }},
};

const Key<JobFile> keys_of_status[] = {
    {{TableKind::status, "listen", Shape::text, "a loopback address with its port, or unix:/path"},
     [](const ValueReader& in, JobFile& file) { read_listen(in, file.status_listen); }},
};

const Key<EngineSettings> keys_of_engine[] = {
    {{TableKind::engine, "max_parallel_jobs", Shape::integer, "jobs that run at the same time"},
     [](const ValueReader& in, EngineSettings& engine) { in.integer(engine.max_parallel_jobs, 1, 256); }},
    {{TableKind::engine, "connections_per_host", Shape::integer, "SSH sessions to one host"},
     [](const ValueReader& in, EngineSettings& engine) { in.integer(engine.connections_per_host, 1, 64); }},
    {{TableKind::engine, "max_entries", Shape::integer, "entries that one listing may have"},
     [](const ValueReader& in, EngineSettings& engine) { in.integer(engine.max_entries, 1, UINT32_MAX - 1); }},
    {{TableKind::engine, "bandwidth_limit", Shape::byte_rate, "bytes a second, shared by all jobs"},
     [](const ValueReader& in, EngineSettings& engine) { in.byte_rate(engine.bandwidth_limit); }},
    {{TableKind::engine, "ssh_config", Shape::path, "the file that `ssh -G -F` reads"},
     [](const ValueReader& in, EngineSettings& engine) { in.path(engine.ssh_config); }},
    {{TableKind::engine, "ad_hoc_root", Shape::choice, "root of a job without a name: nearest Git root, or here",
      "cwd|git"},
     [](const ValueReader& in, EngineSettings& engine) { in.choice(engine.ad_hoc_root_is_git); }},
};

const Key<CleanPolicy> keys_of_clean[] = {
    {{TableKind::clean, "auto", Shape::boolean, "clean by itself after successful runs"},
     [](const ValueReader& in, CleanPolicy& clean) { in.boolean(clean.automatic); }},
    {{TableKind::clean, "max_age", Shape::duration, "directories older than this are removed"},
     [](const ValueReader& in, CleanPolicy& clean) { in.duration(clean.max_age); }},
    {{TableKind::clean, "quota_thresholds", Shape::thresholds, "shorter ages from given per cents of the quota on"},
     [](const ValueReader& in, CleanPolicy& clean) { read_thresholds(in, clean); }},
    {{TableKind::clean, "min_age", Shape::duration, "nothing used more recently is ever removed"},
     [](const ValueReader& in, CleanPolicy& clean) { in.duration(clean.min_age); }},
};

}  // namespace

std::span<const Key<JobFile>> file_keys() { return keys_of_file; }
std::span<const Key<JobFile>> status_keys() { return keys_of_status; }
std::span<const Key<EngineSettings>> engine_keys() { return keys_of_engine; }
std::span<const Key<CleanPolicy>> clean_keys() { return keys_of_clean; }

}  // namespace syncline
