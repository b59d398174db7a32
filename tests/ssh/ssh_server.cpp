#include "ssh_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace syncline::ssh {
namespace {

pid_t spawn(std::vector<std::string> arguments, int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (input >= 0) posix_spawn_file_actions_adddup2(&actions, input, 0);
    if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (errors >= 0) posix_spawn_file_actions_adddup2(&actions, errors, 2);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_t pid = -1;
    int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed ? -1 : pid;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    char name[] = "/tmp/syncline-ssh-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& path, const std::string& text) {
    std::ofstream stream(path, std::ios::binary | std::ios::trunc);
    stream << text;
    stream.close();
    REQUIRE(stream);
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::string run_program(std::vector<std::string> arguments, const std::string& input) {
    TemporaryDirectory directory;
    write_file(directory.path() / "in", input);
    FILE* in = std::fopen((directory.path() / "in").c_str(), "re");
    FILE* out = std::fopen((directory.path() / "out").c_str(), "we");
    FILE* err = std::fopen((directory.path() / "err").c_str(), "we");
    pid_t pid = spawn(arguments, ::fileno(in), ::fileno(out), ::fileno(err));
    int status = -1;
    if (pid > 0) ::waitpid(pid, &status, 0);
    for (auto* file : {in, out, err}) std::fclose(file);
    INFO(arguments[0] << ": " << read_file(directory.path() / "err"));
    REQUIRE(status == 0);
    return read_file(directory.path() / "out");
}

bool has_program(const std::string& name) {
    for (const char* directory : {"/usr/bin/", "/bin/", "/usr/sbin/", "/usr/local/bin/"}) {
        if (::access((directory + name).c_str(), X_OK) == 0) return true;
    }
    return false;
}

std::string account_name() {
    const auto* entry = ::getpwuid(::getuid());
    return entry ? entry->pw_name : "";
}

Listener::Listener() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stopped_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_, 64) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ::ntohs(address.sin_port);
}

Listener::~Listener() {
    ::close(socket_);
    ::close(stopped_);
}

void Listener::start() {
    thread_ = std::thread([this] { accept_all(); });
}

void Listener::stop() {
    uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(stopped_, &one, sizeof one);
    if (thread_.joinable()) thread_.join();
}

void Listener::accept_all() {
    while (true) {
        pollfd watched[2] = {{socket_, POLLIN, 0}, {stopped_, POLLIN, 0}};
        if (::poll(watched, 2, -1) < 0) continue;
        if (watched[1].revents) return;
        int connection = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        if (connection >= 0) serve(connection);
    }
}

SshServer::SshServer(std::vector<std::string> lines, std::vector<std::string> host_key_types)
    : host_key_types_(std::move(host_key_types)) {
    auto root = directory_.path();
    if (::getuid() == 0) ::mkdir("/run/sshd", 0755);
    change_host_keys();
    std::string config;
    for (const auto& line : lines) config += line + "\n";
    // sshd takes the first of everything else, but a subsystem only once.
    if (config.find("Subsystem") == std::string::npos) config += "Subsystem sftp internal-sftp\n";
    config +=
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nMaxSessions 100\nMaxStartups 100\nUseDNS no\nPrintMotd no\n"
        "LogLevel VERBOSE\nAcceptEnv none\nAuthorizedKeysFile " +
        (root / "authorized_keys").string() + "\n";
    for (const auto& type : host_key_types_) config += "HostKey " + (root / ("host_" + type)).string() + "\n";
    write_file(root / "sshd_config", config);
    add_key("id", "ed25519");
    start();
}

SshServer::~SshServer() {
    stop();
    for (auto child : children_) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
}

void SshServer::change_host_keys() {
    for (const auto& type : host_key_types_) {
        auto file = directory() / ("host_" + type);
        std::filesystem::remove(file);
        run_program({"ssh-keygen", "-q", "-t", type, "-N", "", "-f", file.string()});
    }
}

std::string SshServer::add_key(const std::string& name, const std::string& type, const std::string& passphrase) {
    auto file = directory() / name;
    run_program({"ssh-keygen", "-q", "-t", type, "-N", passphrase, "-f", file.string()});
    write_file(directory() / "authorized_keys",
               read_file(directory() / "authorized_keys") + read_file(file.string() + ".pub"));
    return file.string();
}

std::string SshServer::known_hosts_line(const std::string& host_key_type, const std::string& name) const {
    auto line = read_file(directory() / ("host_" + host_key_type + ".pub"));
    return name + " " + line.substr(0, line.rfind(' ')) + "\n";
}

std::string SshServer::known_hosts_name() const { return "[127.0.0.1]:" + std::to_string(port()); }

std::string SshServer::log() const { return read_file(directory() / "log"); }

SshSettings SshServer::settings() const {
    auto file = directory() / "known_hosts";
    if (!std::filesystem::exists(file)) write_file(file, known_hosts_line(host_key_types_[0], known_hosts_name()));
    SshSettings settings;
    settings.host_alias = "test";
    settings.hostname = "127.0.0.1";
    settings.port = port();
    settings.user = account_name();
    settings.identity_files = {(directory() / "id").string()};
    settings.known_hosts = {file.string()};
    return settings;
}

void SshServer::serve(int connection) {
    auto root = directory();
    pid_t pid = spawn({"/usr/sbin/sshd", "-i", "-f", (root / "sshd_config").string(), "-E", (root / "log").string()},
                      connection, connection, -1);
    ::close(connection);
    if (pid > 0) children_.push_back(pid);
}

}  // namespace syncline::ssh
