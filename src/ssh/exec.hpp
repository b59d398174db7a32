// Running scripts on the server, whatever the login shell is and says.
//
// The command that the login shell gets is plain enough for sh, csh, fish and zsh alike: it becomes a POSIX sh, which
// reads a script of known length from stdin and evaluates it; the rest of stdin is the script's own. The script first
// prints a random marker to stdout and stderr; what came before it is noise of start-up files and is dropped.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/task.hpp"
#include "base/units.hpp"
#include "ssh/channel.hpp"
#include "ssh/session.hpp"
#include "ssh/stream.hpp"

namespace syncline::ssh {

struct ScriptLimits {
    ScriptLimits() = default;

    /// How long the script may print nothing; nullopt: as long as the connection lives. Not counted before its first
    /// byte of stdin is taken.
    std::optional<Duration> idle;
    /// For the whole of it.
    std::optional<Duration> total;
    size_t stderr_bytes = 64 * 1024;  ///< what is kept of it: the end
};

struct ScriptResult {
    ExitStatus exit;
    std::string errors;  ///< stderr, its end
    bool ok() const { return exit.status == 0; }
    /// For messages: "exit status 2: tar: short read", escaped, one line.
    std::string why() const;
};

/// Runs `script` in a POSIX sh on the server with `input` as its stdin and `output` taking its stdout. All three live
/// until it returns. When the script ends before it has read all of `input`, the rest is not sent, which is no error.
///
/// Throws SshError: no_shell when the account runs no commands (the message has what the server said instead), lost,
/// timed_out. What `input` or `output` throw ends it; the session is then still usable.
/// `channel` is one that was opened for it; null: it opens its own.
Task<ScriptResult> run_script(Session& session, std::string script, InputSource& input, OutputSink& output,
                              ScriptLimits limits, std::unique_ptr<Channel> channel = nullptr);

/// The same for a short script with nothing on stdin whose output is text of at most `limit` bytes.
struct ScriptOutput {
    ScriptResult result;
    std::string text;
};
Task<ScriptOutput> run_short_script(Session& session, std::string script, size_t limit);

/// A command line that makes any login shell evaluate, in a POSIX sh, a script of so many bytes that comes first on
/// stdin; the rest of stdin is the script's.
std::string command_reading_script(size_t script_bytes);

/// Bytes of the longest script that login_shell_command takes.
constexpr size_t longest_command_script = 24 * 1024;

/// A command line that makes any login shell evaluate `script` in a POSIX sh with stdin untouched, as a PTY needs it.
/// Who lists the server's processes sees it for a moment.
std::string login_shell_command(std::string_view script);

}  // namespace syncline::ssh
