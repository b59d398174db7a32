// Child processes: the ssh client that resolves ssh_config, proxy commands that carry a connection, commands that print
// a password or a key. Engine's thread only.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "async/task.hpp"
#include "base/units.hpp"

namespace syncline {

/// Closes a descriptor when it dies.
class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    bool valid() const { return fd_ >= 0; }

  private:
    int fd_;
};

/// A child that is killed and reaped when this dies.
class Child {
  public:
    Child() = default;
    /// Starts `arguments[0]`, found on PATH, with these descriptors as stdin, stdout and stderr; -1 is /dev/null.
    Child(const std::vector<std::string>& arguments, int input, int output, int errors);
    Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Child& operator=(Child&& other) noexcept {
        std::swap(pid_, other.pid_);
        return *this;
    }
    ~Child();

    /// Waits for its end; the status as of wait(2).
    Task<int> wait();

  private:
    pid_t pid_ = -1;
};

/// A pipe from whose reading end nothing blocks; neither does the writing end: what does not fit is lost.
struct MessagePipe {
    MessagePipe();
    /// What has been written so far.
    std::string read_available();

    Descriptor reader, writer;
};

struct CommandOutput {
    bool started = false;  ///< false: there is no such program
    int status = 0;        ///< as of wait(2)
    std::string output, errors;
};

/// Runs a program to its end. More than `limit_bytes` of output or more than `limit` of time is an Error.
Task<CommandOutput> run_command(std::vector<std::string> arguments, size_t limit_bytes, Duration limit);

}  // namespace syncline
