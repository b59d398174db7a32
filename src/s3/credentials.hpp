// CredentialSource: the access key of one bucket, from where the settings say, read again before it expires.
//
// Engine's thread only. What it holds is never printed: its errors name places, no values.
#pragma once

#include <optional>
#include <string>

#include "async/semaphore.hpp"
#include "async/task.hpp"
#include "s3/ini.hpp"
#include "s3/settings.hpp"
#include "s3/transport.hpp"

namespace syncline::s3 {

struct Credentials {
    std::string access_key, secret_key;
    std::string session_token;      ///< "": a key that lasts
    std::optional<TimeNs> expires;  ///< on the wall clock

    bool valid() const { return !access_key.empty() && !secret_key.empty(); }
};

class CredentialSource {
  public:
    /// `settings` are resolved. `transport` is for the instance metadata service, and outlives this.
    CredentialSource(const asio::any_io_executor& executor, const S3Settings& settings, Transport& transport);

    /// Throws S3Error (credentials) that says where it looked.
    Task<Credentials> get();

    /// The server refused them as too old: the next get() reads them anew.
    void forget() { known_.reset(); }

  private:
    bool is_fresh() const;
    Task<Credentials> read();
    Task<Credentials> read_chain();
    Task<Credentials> read_profile(std::string profile, bool must_exist);
    Task<Credentials> read_process(std::string command, std::string profile);
    Task<Credentials> read_instance();
    Task<std::string> ask_instance(std::string path, std::string token);
    Credentials from_variables(const std::string& key, const std::string& secret, const std::string& token) const;
    std::string variable(const std::string& name) const { return settings_.environment(name); }
    std::string file(const std::string& override_variable, const std::string& name) const;
    [[noreturn]] void fail(const std::string& why) const;

    const S3Settings& settings_;
    Transport& transport_;
    Semaphore reading_;  ///< many requests wait for one reading
    std::optional<Credentials> known_;
};

/// What a credential_process prints, or the instance metadata service answers; throws std::runtime_error that says what
/// is missing.
Credentials read_credentials_json(const std::string& text, const char* token_name);

}  // namespace syncline::s3
