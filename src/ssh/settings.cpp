#include "ssh/settings.hpp"

#include <openssl/evp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
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

std::string this_host() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// `%C`: what names a connection in a word.
std::string connection_hash(const SshSettings& settings) {
    std::string text =
        this_host() + settings.hostname + std::to_string(settings.port) + settings.user + settings.proxy_jump;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    ::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) {
        hex += "0123456789abcdef"[digest[i] >> 4];
        hex += "0123456789abcdef"[digest[i] & 15];
    }
    return hex;
}

/// The tokens of ssh_config(5).
std::string expand(std::string_view text, const SshSettings& settings) {
    const std::string host = this_host();
    const std::map<char, std::string> tokens = {
        {'%', "%"},
        {'C', connection_hash(settings)},
        {'L', host.substr(0, host.find('.'))},
        {'l', host},
        {'j', settings.proxy_jump},
        {'k', settings.host_key_alias.empty() ? settings.hostname : settings.host_key_alias},
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

/// `${NAME}` as ssh_config(5) has it; what is not set stays as it is, which names no file.
std::string expand_variables(std::string_view text) {
    std::string expanded;
    while (true) {
        auto begin = text.find("${");
        auto end = begin == std::string_view::npos ? begin : text.find('}', begin);
        expanded += text.substr(0, end == std::string_view::npos ? end : begin);
        if (end == std::string_view::npos) return expanded;
        const std::string name(text.substr(begin + 2, end - begin - 2));
        const char* value = std::getenv(name.c_str());
        expanded += value ? value : text.substr(begin, end - begin + 1);
        text.remove_prefix(end + 1);
    }
}

/// "~name/..." of another account; "" when there is none.
std::string in_home_of(const std::string& path) {
    auto slash = std::min(path.find('/'), path.size());
    const auto* entry = ::getpwnam(path.substr(1, slash - 1).c_str());
    return entry && entry->pw_dir ? entry->pw_dir + path.substr(slash) : "";
}

/// `path` without quotes, with variables, tokens and `~` expanded. The ssh client takes `~` from the account where we
/// take $HOME; both are the same but for tests and sudo.
std::string file_path(std::string_view path, const SshSettings& settings) {
    if (path.size() >= 2 && path.front() == '"' && path.back() == '"') path = path.substr(1, path.size() - 2);
    auto expanded = expand(expand_variables(path), settings);
    if (expanded.starts_with("~/")) return home() + expanded.substr(1);
    if (expanded.starts_with('~')) {
        auto of_other = in_home_of(expanded);
        if (!of_other.empty()) return of_other;
    }
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
        for (auto line = begin; line != end; ++line) {
            if (line->second != "none") settings.identity_files.push_back(file_path(line->second, settings));
        }
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
    } else if (agent->second.starts_with('$') && !agent->second.starts_with("${")) {
        const char* named = std::getenv(agent->second.c_str() + 1);
        settings.agent_socket = named ? named : "";
    } else if (agent->second != "none") {
        settings.agent_socket = file_path(agent->second, settings);
    }
}

/// The client prints the paths of a list one after the other, and those with blanks in them without quotes: of several
/// ways to read it, the one whose files are there.
std::vector<std::string> paths_in(std::string_view text, const SshSettings& settings) {
    std::vector<std::string> paths;
    auto parts = words(text);
    for (size_t i = 0; i < parts.size();) {
        size_t taken = 1;
        std::string path = file_path(parts[i], settings);
        std::error_code error;
        for (size_t more = parts.size() - i; more > 1; --more) {
            auto last = parts[i + more - 1];
            std::string_view joined(parts[i].data(), static_cast<size_t>(last.data() + last.size() - parts[i].data()));
            bool is_quoted = joined.front() == '"' && joined.back() == '"' &&
                             joined.substr(1, joined.size() - 2).find('"') == std::string_view::npos;
            // Some versions have expanded the tokens already.
            bool is_there = std::filesystem::exists(joined, error);
            auto longer = is_there ? std::string(joined) : file_path(joined, settings);
            if (!is_quoted && !std::filesystem::exists(longer, error)) continue;
            path = longer;
            taken = more;
            break;
        }
        paths.push_back(std::move(path));
        i += taken;
    }
    return paths;
}

void set_known_hosts(SshSettings& settings, const HostTable& table, const Lines& lines) {
    if (!table.known_hosts.empty()) {
        settings.known_hosts = {file_path(table.known_hosts, settings)};
    } else if (lines.contains("userknownhostsfile")) {
        for (const char* key : {"userknownhostsfile", "globalknownhostsfile"}) {
            for (auto& file : paths_in(value_of(lines, key), settings)) settings.known_hosts.push_back(std::move(file));
        }
    } else {
        settings.known_hosts = {file_path("~/.ssh/known_hosts", settings), "/etc/ssh/ssh_known_hosts"};
    }
    // The client prints yes as true, and no as false, under which it would even take a changed key.
    auto checking = value_of(lines, "stricthostkeychecking");
    auto configured = HostKeyPolicy::ask;
    if (checking == "true" || checking == "yes") configured = HostKeyPolicy::strict;
    if (checking == "accept-new" || checking == "false" || checking == "no" || checking == "off") {
        configured = HostKeyPolicy::accept_new;
    }
    settings.host_key_policy = table.host_key_policy.value_or(configured);
}

/// What the ssh client is to read: "" for its default, which leaves the system's own file in.
std::string client_config(const std::string& file) {
    std::error_code error;
    if (file.empty()) return home() == account_home() ? "" : client_config(home() + "/.ssh/config");
    if (file == account_home() + "/.ssh/config") return "";
    return std::filesystem::exists(file, error) ? file : "none";
}

}  // namespace

std::string SshSettings::shown() const {
    const auto host = hostname.find(':') == std::string::npos ? hostname : "[" + hostname + "]";
    return escape(user + "@" + host + ":" + std::to_string(port));
}

SshSettings settings_from(const HostTable& table, std::string_view ssh_g_output) {
    auto lines = parse_lines(ssh_g_output);
    auto first = [](const std::string& one, const std::string& other) { return one.empty() ? other : one; };
    SshSettings settings;
    settings.host_alias = table.name;
    settings.hostname = first(table.hostname, first(value_of(lines, "hostname"), table.name));
    settings.user = first(table.user, first(value_of(lines, "user"), account_name()));
    settings.port = table.port ? table.port : port_of(value_of(lines, "port"));
    if (settings.port == 0) settings.port = 22;
    settings.host_key_alias = value_of(lines, "hostkeyalias");
    settings.proxy_jump = expand(value_of(lines, "proxyjump"), settings);
    set_identities(settings, table, lines);
    set_known_hosts(settings, table, lines);
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
