#include "s3/credentials.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "async/process.hpp"
#include "base/text.hpp"
#include "s3/times.hpp"

namespace syncline::s3 {
namespace {

constexpr TimeNs early_ns = 300 * ns_per_second;  ///< they are read again so long before they expire
constexpr Duration process_limit{60'000};
constexpr size_t process_bytes = size_t{64} << 10;
constexpr const char* instance_address = "http://169.254.169.254";

Credentials from_section(const IniSection& section) {
    auto value = [&](const char* name) {
        const auto found = section.find(name);
        return found == section.end() ? std::string() : found->second;
    };
    Credentials credentials;
    credentials.access_key = value("aws_access_key_id");
    credentials.secret_key = value("aws_secret_access_key");
    credentials.session_token = value("aws_session_token");
    return credentials;
}

}  // namespace

Credentials read_credentials_json(const std::string& text, const char* token_name) {
    const auto document = nlohmann::json::parse(text, nullptr, false);
    if (!document.is_object()) throw std::runtime_error("its answer is no JSON object");
    auto value = [&](const char* name) {
        const auto found = document.find(name);
        return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Credentials credentials;
    credentials.access_key = value("AccessKeyId");
    credentials.secret_key = value("SecretAccessKey");
    credentials.session_token = value(token_name);
    if (const auto expires = parse_iso_time(value("Expiration"))) credentials.expires = expires;
    if (!credentials.valid()) throw std::runtime_error("its answer has no AccessKeyId and SecretAccessKey");
    return credentials;
}

CredentialSource::CredentialSource(const asio::any_io_executor& executor, const S3Settings& settings,
                                   Transport& transport)
    : settings_(settings), transport_(transport), reading_(executor, 1) {}

bool CredentialSource::is_fresh() const {
    return known_ && (!known_->expires || wall_clock_now() < *known_->expires - early_ns);
}

Task<Credentials> CredentialSource::get() {
    if (is_fresh()) co_return *known_;
    auto turn = co_await reading_.acquire();
    if (!is_fresh()) known_ = co_await read();
    co_return *known_;
}

Task<Credentials> CredentialSource::read() {
    const auto& from = settings_.credentials;
    if (!from.key_variable.empty()) {
        auto credentials = from_variables(from.key_variable, from.secret_variable, "");
        if (!credentials.valid()) fail("set " + from.key_variable + " and " + from.secret_variable);
        co_return credentials;
    }
    if (from.profile.empty()) {
        auto chain = read_chain();
        co_return co_await std::move(chain);
    }
    auto named = read_profile(from.profile, true);
    co_return co_await std::move(named);
}

Task<Credentials> CredentialSource::read_chain() {
    auto credentials = from_variables("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN");
    if (credentials.valid()) co_return credentials;
    auto profile = variable("AWS_PROFILE");
    const bool is_named = !profile.empty();
    if (!is_named) profile = "default";
    auto shared = read_profile(profile, is_named);
    credentials = co_await std::move(shared);
    if (credentials.valid()) co_return credentials;
    if (settings_.credentials.instance_metadata) {
        auto instance = read_instance();
        credentials = co_await std::move(instance);
        if (credentials.valid()) co_return credentials;
    }
    fail(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a [default] profile into ~/.aws/credentials, or "
        "give "
        "credentials in [buckets." +
        settings_.name + "]");
}

Credentials CredentialSource::from_variables(const std::string& key, const std::string& secret,
                                             const std::string& token) const {
    Credentials credentials;
    credentials.access_key = variable(key);
    credentials.secret_key = variable(secret);
    if (!token.empty()) credentials.session_token = variable(token);
    return credentials;
}

std::string CredentialSource::file(const std::string& override_variable, const std::string& name) const {
    auto path = variable(override_variable);
    return path.empty() ? variable("HOME") + "/.aws/" + name : path;
}

/// The credentials file is the stronger one, as it is for the AWS tools.
Task<Credentials> CredentialSource::read_profile(std::string profile, bool must_exist) {
    bool exists = false;
    std::string command;
    const std::array paths = {file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")};
    for (const auto& path : paths) {
        const auto sections = parse_ini(read_small_file(path).value_or(""));
        const auto found = sections.find(profile);
        if (found == sections.end()) continue;
        exists = true;
        auto credentials = from_section(found->second);
        if (credentials.valid()) co_return credentials;
        const auto process = found->second.find("credential_process");
        if (process != found->second.end() && command.empty()) command = process->second;
    }
    if (!command.empty()) {
        auto running = read_process(command, profile);
        co_return co_await std::move(running);
    }
    if (must_exist) {
        fail("the profile '" + escape(profile) + "' " +
             (exists ? "has neither a key nor a credential_process"
                     : "is in neither ~/.aws/credentials nor ~/.aws/config"));
    }
    co_return Credentials();
}

Task<Credentials> CredentialSource::read_process(std::string command, std::string profile) {
    const auto whose = "the credential_process of the profile '" + escape(profile) + "'";
    std::vector<std::string> shell = {"/bin/sh", "-c", command};
    auto running = run_command(std::move(shell), process_bytes, process_limit);
    const auto output = co_await std::move(running);
    if (!output.started || output.status != 0) fail(whose + " failed; run it by hand to see why");
    try {
        co_return read_credentials_json(output.output, "SessionToken");
    } catch (const std::runtime_error& trouble) {
        fail(whose + " is of no use: " + trouble.what());
    }
}

Task<std::string> CredentialSource::ask_instance(std::string path, std::string token) {
    HttpRequest request;
    request.url = instance_address + path;
    request.answer_limit = Duration(2'000);
    if (token.empty()) {
        request.method = "PUT";
        request.body = std::string_view();
        request.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds: 21600");
    } else {
        request.headers.push_back("X-aws-ec2-metadata-token: " + token);
    }
    std::optional<HttpResponse> response;
    try {
        auto asking = transport_.perform(request);
        response = co_await std::move(asking);
    } catch (const TransportError&) {
        co_return std::string();
    }
    co_return response->status == 200 ? response->body : std::string();
}

Task<Credentials> CredentialSource::read_instance() {
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    auto asking = ask_instance("/latest/api/token", "");
    const auto token = co_await std::move(asking);
    if (token.empty()) co_return Credentials();
    auto asking_role = ask_instance(roles, token);
    auto role = co_await std::move(asking_role);
    role = role.substr(0, role.find('\n'));
    if (role.empty()) co_return Credentials();
    auto asking_key = ask_instance(roles + role, token);
    const auto text = co_await std::move(asking_key);
    try {
        co_return read_credentials_json(text, "Token");
    } catch (const std::runtime_error& trouble) {
        fail(std::string("the instance metadata service is of no use: ") + trouble.what());
    }
}

void CredentialSource::fail(const std::string& why) const {
    throw S3Error(Failure::credentials, "bucket '" + settings_.name + "': there is no access key; " + why, {},
                  settings_.bucket);
}

}  // namespace syncline::s3
