// RemoteShell: one POSIX sh on a server that runs script after script, for the length of a run, and the next ones.
//
// A command of its own for each script would cost several round trips each, and the start-up files of the login shell,
// which often take longer than the script. Engine's thread only; one script at a time. After a failure or a cancel in
// the middle of a script it is not usable any more.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/nursery.hpp"
#include "ssh/channel.hpp"
#include "ssh/exec.hpp"
#include "ssh/pool.hpp"

namespace syncline {

/// Where in the shell a script runs.
enum class ShellWay : uint8_t {
    apart,  ///< in a subshell, of which nothing stays
    hold,   ///< in the shell itself, where it may open descriptor 9; without input
    drop,   ///< in a subshell, after descriptor 9 was closed
};

class RemoteShell {
  public:
    explicit RemoteShell(ssh::SessionPool::Lease lease) : lease_(std::move(lease)) {}

    /// Throws SshError: no_shell when the account runs no commands.
    Task<void> start();

    /// Runs `script` with `input` (null: nothing) as its stdin. What is not read of it is thrown away. All live until
    /// it returns. Keeps the first `stderr_bytes` of stderr. Throws SshError.
    Task<ssh::ScriptResult> run(std::string script, ssh::InputSource* input, ssh::OutputSink& output,
                                size_t stderr_bytes = 65536, ShellWay way = ShellWay::apart);

    bool usable() { return usable_ && lease_.session().usable(); }
    ssh::SessionPool::Lease& lease() { return lease_; }

  private:
    struct Run;
    Task<void> feed(Run& run);
    Task<void> read(Run& run);
    Task<void> converse(Run& run, Nursery& nursery);
    Task<void> await_greeting();
    Task<ssh::Channel::Chunk> read_greeting(std::vector<char>& buffer, Duration limit);
    Task<void> write(std::string text);

    ssh::SessionPool::Lease lease_;
    std::unique_ptr<ssh::Channel> channel_;
    std::string marker_;
    bool usable_ = false;
};

/// Passes a stream on up to a line "MARKER TEXT" that stands in it, wherever it is cut. Pure.
class StreamEnd {
  public:
    explicit StreamEnd(const std::string& marker) : mark_("\n" + marker + " ") {}

    /// What of the stream is certain by now; valid until the next call.
    std::string_view pass(std::string_view bytes);
    bool found() const { return text_.has_value(); }
    /// What stood behind the marker.
    const std::string& text() const { return *text_; }

  private:
    std::string mark_;
    std::string held_;
    std::string passed_;
    std::optional<std::string> text_;
};

}  // namespace syncline
