// SshSettings: everything that a connection to one host needs to know, and where it comes from: the job file's table
// over ssh_config (as `ssh -G` resolves it) over plain defaults.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline::ssh {

enum class HostKeyPolicy : uint8_t {
    ask,         ///< the user is asked about an unknown host key; where nobody can be, it is refused
    strict,      ///< an unknown host key is refused
    accept_new,  ///< an unknown host key is stored; a changed one is refused all the same
};

/// A question to the user or to whoever answers in their place.
struct SecretPrompt {
    enum class Type : uint8_t {
        password,    ///< the account's password
        passphrase,  ///< of the key file `subject`
        question,    ///< keyboard-interactive: `text` is the server's question
        host_key,    ///< whether to believe an unknown one
    };
    SecretPrompt(Type prompt_type, std::string prompt_subject, std::string prompt_text, bool may_echo)
        : type(prompt_type), subject(std::move(prompt_subject)), text(std::move(prompt_text)), echo(may_echo) {}

    Type type;
    std::string subject;  ///< "user@host:22", or the key file's path
    std::string text;     ///< what to show; from the server for `question`, escape() it
    bool echo = false;
    int attempt = 1;  ///< counts up when the answer before was wrong
};

/// Answers, or says nullopt when there is no answer (no terminal, no variable, the user gave up).
using SecretSource = std::function<Task<std::optional<std::string>>(SecretPrompt)>;

struct SshSettings {
    std::string host_alias;  ///< as the job file names the host; for messages
    std::string hostname;    ///< name or address to connect to
    uint16_t port = 22;
    std::string user;

    std::vector<std::string> identity_files;  ///< absolute, in the order of trying
    bool identities_only = false;             ///< the agent's other keys are not offered
    std::string agent_socket;                 ///< "" for none

    std::vector<std::string> known_hosts;  ///< absolute; the first is where accept_new appends
    std::string host_key_alias;            ///< looked up in known_hosts instead of the hostname; "" for none
    HostKeyPolicy host_key_policy = HostKeyPolicy::ask;

    std::string proxy_jump;       ///< `[user@]host[:port][,...]`; "" for none
    std::string proxy_command;    ///< for /bin/sh -c, its tokens expanded; "" for none; used when proxy_jump is ""
    std::string ssh_config_file;  ///< for the ssh client that a ProxyJump starts; "" for its own default

    SecretSource password;    ///< also answers keyboard-interactive; null: passwords are not tried
    SecretSource passphrase;  ///< of key files, and about host keys; null: there is nobody to ask

    Duration connect_timeout = std::chrono::seconds(15);  ///< for each address, and for the proxy
    Duration step_timeout = std::chrono::seconds(30);     ///< for each step and for each answer while work goes on

    /// "user@host:port", escaped, for messages.
    std::string shown() const;
};

/// What the job file's [hosts.X] says; empty or nullopt where it says nothing.
struct HostTable {
    std::string name;  ///< the table's, or the name that stands before the `:` of a destination
    std::string hostname, user, identity_file, known_hosts;
    uint16_t port = 0;
    std::optional<HostKeyPolicy> host_key_policy;

    bool operator==(const HostTable&) const = default;
};

/// Settings for the host of `table`, with no secrets' source yet. Runs `ssh -G` where an ssh client is installed, whose
/// own errors (a broken ssh_config) are thrown. `ssh_config_file` "" is the client's own default; a file that does not
/// exist is an empty one.
Task<SshSettings> resolve_settings(HostTable table, std::string ssh_config_file);

/// The pure parts of it: settings from the lines that `ssh -G` printed (may be ""), and from the table over those.
SshSettings settings_from(const HostTable& table, std::string_view ssh_g_output);

}  // namespace syncline::ssh
