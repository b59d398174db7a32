#include "ssh/settings.hpp"

#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "async/process.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t ssh_g_bytes = 1024 * 1024;
constexpr Duration ssh_g_limit = std::chrono::seconds(10);  // `Match exec` may run a command

std::string account_home() {
    const auto* entry = ::getpwuid(::getuid());
    return entry && entry->pw_dir ? entry->pw_dir : "";
}

std::string account_name() {
    const auto* entry = ::getpwuid(::getuid());
    return entry && entry->pw_name ? entry->pw_name : "";
}

std::string home() {
    const char* variable = std::getenv("HOME");
    return variable && *variable ? variable : account_home();
}

/// The tokens of ssh_config(5) that need nothing of the connection.
std::string expand(std::string_view text, const SshSettings& settings) {
    const std::map<char, std::string> tokens = {{'%', "%"},
                                                {'h', settings.hostname},
                                                {'n', settings.host_alias},
                                                {'p', std::to_string(settings.port)},
                                                {'r', settings.user},
                                                {'u', account_name()},
                                                {'d', home()},
                                                {'i', std::to_string(::getuid())}};
    std::string expanded;
    for (size_t i = 0; i < text.size(); ++i) {
        auto token = text[i] == '%' && i + 1 < text.size() ? tokens.find(text[i + 1]) : tokens.end();
        if (token == tokens.end()) {
            expanded += text[i];
        } else {
            expanded += token->second;
            ++i;
        }
    }
    return expanded;
}

/// `path` with `~` and tokens expanded. The ssh client takes `~` from the account where we take $HOME; both are the
/// same but for tests and sudo.
std::string file_path(std::string_view path, const SshSettings& settings) {
    auto expanded = expand(path, settings);
    if (expanded.starts_with("~/")) return home() + expanded.substr(1);
    auto of_account = account_home() + "/.ssh/";
    if (home() != account_home() && expanded.starts_with(of_account)) {
        return home() + "/.ssh/" + expanded.substr(of_account.size());
    }
    return expanded;
}

/// The value of each key that `ssh -G` printed, in the order printed.
using Lines = std::multimap<std::string, std::string, std::less<>>;

Lines parse_lines(std::string_view output) {
    Lines lines;
    for (auto line : split(output, '\n')) {
        auto blank = line.find(' ');
        if (blank != std::string_view::npos) lines.emplace(line.substr(0, blank), line.substr(blank + 1));
    }
    return lines;
}

std::string value_of(const Lines& lines, std::string_view key) {
    auto found = lines.find(key);
    return found == lines.end() || found->second == "none" ? "" : found->second;
}

uint16_t port_of(std::string_view text) {
    uint16_t port = 0;
    auto end = text.data() + text.size();
    auto [stop, error] = std::from_chars(text.data(), end, port);
    return error == std::errc() && stop == end ? port : uint16_t{0};
}

void set_identities(SshSettings& settings, const HostTable& table, const Lines& lines) {
    auto [begin, end] = lines.equal_range("identityfile");
    if (!table.identity_file.empty()) {
        // The one that the job file names is meant: an agent with many other keys would use up the server's patience.
        settings.identity_files = {file_path(table.identity_file, settings)};
        settings.identities_only = true;
    } else if (begin != end) {
        for (auto line = begin; line != end; ++line)
            settings.identity_files.push_back(file_path(line->second, settings));
        settings.identities_only = value_of(lines, "identitiesonly") == "yes";
    } else {
        for (const char* name : {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}) {
            settings.identity_files.push_back(file_path(name, settings));
        }
    }
    const char* variable = std::getenv("SSH_AUTH_SOCK");
    auto agent = lines.find("identityagent");
    if (agent == lines.end() || agent->second == "SSH_AUTH_SOCK") {
        settings.agent_socket = variable ? variable : "";
    } else if (agent->second != "none") {
        settings.agent_socket = file_path(agent->second, settings);
    }
}

void set_known_hosts(SshSettings& settings, const HostTable& table, const Lines& lines) {
    if (!table.known_hosts.empty()) {
        settings.known_hosts = {file_path(table.known_hosts, settings)};
    } else if (lines.contains("userknownhostsfile")) {
        for (const char* key : {"userknownhostsfile", "globalknownhostsfile"}) {
            const std::string files = value_of(lines, key);  // words() gives views into it
            for (auto file : words(files)) settings.known_hosts.push_back(file_path(file, settings));
        }
    } else {
        settings.known_hosts = {file_path("~/.ssh/known_hosts", settings), "/etc/ssh/ssh_known_hosts"};
    }
    auto checking = value_of(lines, "stricthostkeychecking");
    auto configured = checking == "accept-new" ? HostKeyPolicy::accept_new : HostKeyPolicy::strict;
    settings.host_key_policy = table.host_key_policy.value_or(configured);
    settings.host_key_alias = value_of(lines, "hostkeyalias");
}

/// What the ssh client is to read: "" for its default, which leaves the system's own file in.
std::string client_config(const std::string& file) {
    std::error_code error;
    if (file.empty()) return home() == account_home() ? "" : client_config(home() + "/.ssh/config");
    if (file == account_home() + "/.ssh/config") return "";
    return std::filesystem::exists(file, error) ? file : "none";
}

}  // namespace

std::string SshSettings::shown() const { return escape(user + "@" + hostname + ":" + std::to_string(port)); }

SshSettings settings_from(const HostTable& table, std::string_view ssh_g_output) {
    auto lines = parse_lines(ssh_g_output);
    auto first = [](const std::string& one, const std::string& other) { return one.empty() ? other : one; };
    SshSettings settings;
    settings.host_alias = table.name;
    settings.hostname = first(table.hostname, first(value_of(lines, "hostname"), table.name));
    settings.user = first(table.user, first(value_of(lines, "user"), account_name()));
    settings.port = table.port ? table.port : port_of(value_of(lines, "port"));
    if (settings.port == 0) settings.port = 22;
    set_identities(settings, table, lines);
    set_known_hosts(settings, table, lines);
    settings.proxy_jump = value_of(lines, "proxyjump");
    settings.proxy_command = expand(value_of(lines, "proxycommand"), settings);
    if (auto seconds = port_of(value_of(lines, "connecttimeout")))
        settings.connect_timeout = std::chrono::seconds(seconds);
    return settings;
}

Task<SshSettings> resolve_settings(HostTable table, std::string ssh_config_file) {
    if (table.name.starts_with('-') || table.hostname.starts_with('-') || table.user.starts_with('-')) {
        throw Error(Errc::usage, "host '" + escape(table.name) + "': a host or user name must not begin with '-'");
    }
    auto config = client_config(ssh_config_file);
    std::vector<std::string> command = {"ssh", "-G"};
    if (!config.empty()) command.insert(command.end(), {"-F", config});
    command.insert(command.end(), {"--", table.name});
    auto resolved = co_await run_command(std::move(command), ssh_g_bytes, ssh_g_limit);
    if (resolved.started && resolved.status != 0) {
        throw Error(Errc::usage, "host '" + escape(table.name) + "': the ssh client cannot read its configuration: " +
                                     last_line(resolved.errors) + "; try `ssh -G " + escape(table.name) + "`");
    }
    auto settings = settings_from(table, resolved.output);
    settings.ssh_config_file = config;
    co_return settings;
}

}  // namespace syncline::ssh
