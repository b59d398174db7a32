// A real sshd for tests: each accepted connection gets an `sshd -i` of its own, so that the kernel picks the port and
// nothing is left running. Everything lives in a temporary directory; no file of the user is touched.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ssh/settings.hpp"

namespace syncline::ssh {

/// A directory that goes when this does.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// Runs a program to its end; its stdout. Fails the test when its status is not 0.
std::string run_program(std::vector<std::string> arguments, const std::string& input = "");
bool has_program(const std::string& name);

void write_file(const std::filesystem::path& path, const std::string& text);
std::string read_file(const std::filesystem::path& path);

/// Listens on a port of loopback that the kernel picks, and calls `serve` with each connection on the listener's
/// thread.
class Listener {
  public:
    Listener();
    virtual ~Listener();
    uint16_t port() const { return port_; }

  protected:
    virtual void serve(int connection) = 0;
    void start();
    void stop();

  private:
    void accept_all();

    int socket_ = -1;
    int stopped_ = -1;
    uint16_t port_ = 0;
    std::thread thread_;
};

class SshServer final : public Listener {
  public:
    /// `lines` stand at the front of sshd_config, where they win over the defaults here.
    explicit SshServer(std::vector<std::string> lines = {}, std::vector<std::string> host_key_types = {"ed25519"});
    ~SshServer() override;

    /// Settings with which signing in by an unencrypted Ed25519 key works.
    SshSettings settings() const;
    const std::filesystem::path& directory() const { return directory_.path(); }

    /// Makes a key pair whose public half may sign in; the private key's path.
    std::string add_key(const std::string& name, const std::string& type, const std::string& passphrase = "");
    /// A line for known_hosts.
    std::string known_hosts_line(const std::string& host_key_type, const std::string& name) const;
    std::string known_hosts_name() const;
    std::string log() const;
    /// New host keys from the next connection on.
    void change_host_keys();

  private:
    void serve(int connection) override;

    TemporaryDirectory directory_;
    std::vector<std::string> host_key_types_;
    std::mutex mutex_;
    std::vector<pid_t> children_;
};

/// Name of the account that runs the tests.
std::string account_name();

}  // namespace syncline::ssh
