// The keys of [hosts.NAME] and [buckets.NAME], and of the inline tables in them.
#include "config/job.hpp"
#include "config/keys.hpp"
#include "config/names.hpp"

namespace syncline {
namespace {

void set_secret(SecretSource& secret, SecretSource::Type type, std::string value) {
    if (!value.empty()) secret = {type, std::move(value)};
}

const Key<SecretSource> password_keys[] = {
    {{TableKind::password, "env", Shape::text, "the environment variable that holds the password"},
     [](const ValueReader& in, SecretSource& secret) {
         std::string name;
         in.literal(name);
         set_secret(secret, SecretSource::Type::environment, std::move(name));
     }},
    {{TableKind::password, "command", Shape::text, "a command that prints the password"},
     [](const ValueReader& in, SecretSource& secret) {
         std::string command;
         in.command(command);
         set_secret(secret, SecretSource::Type::command, std::move(command));
     }},
};

void read_password(const ValueReader& in, SecretSource& secret) {
    const TomlValue& value = in.value();
    if (value.type == TomlValue::Type::boolean) {
        secret.type = value.truth ? SecretSource::Type::terminal : SecretSource::Type::none;
    } else if (value.type == TomlValue::Type::table) {
        if (value.members.size() != 1) return in.fail("must be either { env = \"VAR\" } or { command = \"...\" }");
        read_table<SecretSource>(in.context(), in.inner_table_name(), value, password_keys, secret);
    } else if (const std::string* text = in.string("true, false, { env = \"VAR\" } or { command = \"...\" }")) {
        set_secret(secret, SecretSource::Type::literal, *text);
    }
}

const Key<Host> quota_keys[] = {
    {{TableKind::quota_source, "command", Shape::text, "a command on the server that prints the quota"},
     [](const ValueReader& in, Host& host) { in.command(host.quota_command); }},
};

void read_quota_source(const ValueReader& in, Host& host) {
    if (in.value().type == TomlValue::Type::table) {
        host.quota_source = "command";
        read_table<Host>(in.context(), in.inner_table_name(), in.value(), quota_keys, host);
        if (in.value().members.empty()) in.fail("must be \"quota\", \"filesystem\" or { command = \"...\" }");
    } else if (auto index = in.choice_index()) {
        host.quota_source = in.key().choice_list()[*index];
    }
}

const Key<Bucket> credential_keys[] = {
    {{TableKind::credentials, "env", Shape::texts, "two environment variables: of the key id and of the secret"},
     [](const ValueReader& in, Bucket& bucket) {
         std::vector<std::string> names;
         if (!in.texts(names)) return;
         if (names.size() != 2) return in.fail("must be two names: [\"KEY_ID_VARIABLE\", \"SECRET_VARIABLE\"]");
         bucket.key_variable = names[0];
         bucket.secret_variable = names[1];
     }},
    {{TableKind::credentials, "profile", Shape::text, "a profile of ~/.aws"},
     [](const ValueReader& in, Bucket& bucket) { in.text(bucket.profile); }},
    {{TableKind::credentials, "instance_metadata", Shape::boolean,
      "the role of this cloud machine, when nothing else is set"},
     [](const ValueReader& in, Bucket& bucket) { in.boolean(bucket.instance_metadata); }},
};

void read_credentials(const ValueReader& in, Bucket& bucket) {
    if (!in.is_table()) return;
    if (in.value().members.size() != 1)
        return in.fail("must be one of { env = [...] }, { profile = \"...\" } and { instance_metadata = true }");
    read_table<Bucket>(in.context(), in.inner_table_name(), in.value(), credential_keys, bucket);
}

void read_endpoint(const ValueReader& in, std::string& endpoint) {
    std::string url;
    in.text(url);
    if (url.empty()) return;
    bool good = (url.starts_with("https://") && url.size() > 8) || (url.starts_with("http://") && url.size() > 7);
    if (!good || url.find(' ') != std::string::npos)
        return in.fail("must be a URL that begins with https:// or http://");
    endpoint = std::move(url);
}

const Key<Host> keys_of_host[] = {
    {{TableKind::host, "hostname", Shape::text, "the name or address to connect to"},
     [](const ValueReader& in, Host& host) { in.name(host.hostname, is_server_name); }},
    {{TableKind::host, "port", Shape::integer, "the SSH port"},
     [](const ValueReader& in, Host& host) { in.integer(host.port, 1, 65535); }},
    {{TableKind::host, "user", Shape::text, "the user on the server"},
     [](const ValueReader& in, Host& host) { in.name(host.user, is_user_name); }},
    {{TableKind::host, "identity_file", Shape::path, "the private key"},
     [](const ValueReader& in, Host& host) { in.path(host.identity_file); }},
    {{TableKind::host, "password", Shape::secret, "true asks on the terminal; or where the password comes from"},
     [](const ValueReader& in, Host& host) { read_password(in, host.password); }},
    {{TableKind::host, "host_key", Shape::choice, "whether an unknown host key is refused or stored",
      "strict|accept-new"},
     [](const ValueReader& in, Host& host) { in.choice(host.accept_new_host_key); }},
    {{TableKind::host, "known_hosts", Shape::path, "the file of known host keys"},
     [](const ValueReader& in, Host& host) { in.path(host.known_hosts); }},
    {{TableKind::host, "remote_root", Shape::text, "where default-layout directories stand; `~` is the server's"},
     [](const ValueReader& in, Host& host) { in.argument(host.remote_root); }},
    {{TableKind::host, "clean", Shape::table, "retention of default-layout directories that no job claims"},
     [](const ValueReader& in, Host& host) {
         if (!in.is_table()) return;
         if (!host.clean) host.clean.emplace();
         read_table(in.context(), in.inner_table_name(), in.value(), clean_keys(), *host.clean);
     }},
    {{TableKind::host, "quota_source", Shape::choice_or_table, "how the server's quota is asked for",
      "quota|filesystem"},
     [](const ValueReader& in, Host& host) { read_quota_source(in, host); }},
};

const Key<Bucket> keys_of_bucket[] = {
    {{TableKind::bucket, "provider", Shape::choice, "who runs the storage", "s3|b2|gcs|r2|minio|generic"},
     [](const ValueReader& in, Bucket& bucket) {
         if (auto index = in.choice_index()) bucket.provider = in.key().choice_list()[*index];
     }},
    {{TableKind::bucket, "bucket", Shape::text, "the bucket's name at the provider"},
     [](const ValueReader& in, Bucket& bucket) { in.name(bucket.bucket, is_storage_name); }},
    {{TableKind::bucket, "region", Shape::text, "the region"},
     [](const ValueReader& in, Bucket& bucket) { in.name(bucket.region, is_storage_name); }},
    {{TableKind::bucket, "endpoint", Shape::text, "the URL of the service"},
     [](const ValueReader& in, Bucket& bucket) { read_endpoint(in, bucket.endpoint); }},
    {{TableKind::bucket, "addressing", Shape::choice, "where a request names the bucket: in the URL's path or its host",
      "auto|path|host"},
     [](const ValueReader& in, Bucket& bucket) {
         if (auto index = in.choice_index()) bucket.addressing = in.key().choice_list()[*index];
     }},
    {{TableKind::bucket, "credentials", Shape::table, "where the access key comes from"},
     [](const ValueReader& in, Bucket& bucket) { read_credentials(in, bucket); }},
};

template <class Target>
void append(std::vector<KeyInfo>& list, std::span<const Key<Target>> keys) {
    for (const Key<Target>& key : keys) list.push_back(key.info);
}

}  // namespace

std::span<const Key<Host>> host_keys() { return keys_of_host; }
std::span<const Key<Bucket>> bucket_keys() { return keys_of_bucket; }

std::vector<KeyInfo> all_keys() {
    std::vector<KeyInfo> list;
    append(list, file_keys());
    append(list, status_keys());
    append(list, engine_keys());
    append(list, host_keys());
    append(list, bucket_keys());
    append(list, job_keys());
    append(list, clean_keys());
    append<SecretSource>(list, password_keys);
    append<Host>(list, quota_keys);
    append<Bucket>(list, credential_keys);
    return list;
}

}  // namespace syncline
