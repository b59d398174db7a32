#include "endpoint/ssh_remote_shell.hpp"

#include <charconv>

#include "base/text.hpp"
#include "base/units.hpp"
#include "endpoint/ssh_scripts.hpp"
#include "ssh/least_rate.hpp"

namespace syncline {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;
constexpr size_t noise_limit_bytes = 1 << 20;
constexpr uint64_t most_error_bytes = uint64_t{256} << 20;  // a line for each of a million files

/// Input comes in pieces, each behind a line with its size; a line "0" ends it. So it is always taken to its end, and
/// nothing of what comes behind it, whatever the script does.
const char loop_script[] = R"sh(
bytes() { dd bs=1 count="$1" 2>/dev/null; }
dd bs=1 count=0 iflag=fullblock </dev/null 2>/dev/null && bytes() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
pieces() { while IFS= read -r k && [ "$k" != 0 ]; do bytes "$k"; done; }
trap '' PIPE
printf '\n%s begin\n' "$M"
while read -r size input way; do
  script=$(bytes "$size"; echo x)
  script=${script%x}
  [ "$way" != drop ] || exec 9<&-
  if [ "$way" = hold ]; then eval "$script"
  elif [ "$input" = 1 ]; then pieces | (eval "$script"); else (eval "$script") </dev/null; fi
  status=$?
  printf '\n%s %s\n' "$M" "$status"
  printf '\n%s end\n' "$M" >&2
done
)sh";

std::string word_of(ShellWay way) { return way == ShellWay::hold ? "hold" : way == ShellWay::drop ? "drop" : "apart"; }

}  // namespace

std::string_view StreamEnd::pass(std::string_view bytes) {
    held_ += bytes;
    passed_.clear();
    if (found()) return passed_;
    size_t at = held_.find(mark_);
    if (at == std::string::npos) {
        size_t certain = held_.size() - std::min(held_.size(), mark_.size());
        passed_ = held_.substr(0, certain);
        held_.erase(0, certain);
        return passed_;
    }
    passed_ = held_.substr(0, at);
    held_.erase(0, at);
    size_t end = held_.find('\n', mark_.size());
    if (end != std::string::npos) text_ = held_.substr(mark_.size(), end - mark_.size());
    return passed_;
}

struct RemoteShell::Run {
    std::string head;
    ssh::InputSource* input;
    ssh::OutputSink& output;
    size_t stderr_bytes;
    StreamEnd output_end, errors_end;
    ssh::ScriptResult result;
};

Task<void> RemoteShell::start() {
    marker_ = new_marker();
    channel_ = co_await lease_.session().open_channel();
    std::string script = "M=" + marker_ + "\n" + list_environment + loop_script;
    std::string command = "exec sh -c 'eval \"$(dd bs=1 count=" + std::to_string(script.size()) + " 2>/dev/null)\"'";
    co_await channel_->exec(command);
    co_await write(std::move(script));
    co_await await_greeting();
    usable_ = true;
}

Task<void> RemoteShell::write(std::string text) {
    auto writing = channel_->write(text);
    co_await std::move(writing);
}

/// Drops what start-up files print. An account that runs no commands ends here.
Task<void> RemoteShell::await_greeting() {
    StreamEnd greeting(marker_);
    std::vector<char> buffer(buffer_bytes);
    std::string noise;
    // For all of it together: what start-up files print must come to an end, too.
    ssh::SteadyTime deadline = lease_.session().step_deadline();
    while (!greeting.found()) {
        ssh::Channel::Chunk chunk = co_await read_greeting(buffer, ssh::time_until(deadline));
        std::string_view bytes(buffer.data(), chunk.size);
        if (!chunk.from_stderr) bytes = greeting.pass(bytes);
        noise += bytes;
        if (chunk.size > 0 && noise.size() < noise_limit_bytes) continue;
        std::string said = escape(noise.substr(0, noise.find('\n')));
        throw ssh::SshError(ssh::Failure::no_shell, lease_.session().shown() + ": the account does not run commands" +
                                                        (said.empty() ? "" : "; it said: " + said));
    }
}

/// A start-up file that reads its input takes what is meant for our shell, which then waits for the rest for ever.
Task<ssh::Channel::Chunk> RemoteShell::read_greeting(std::vector<char>& buffer, Duration limit) {
    auto begun = std::chrono::steady_clock::now();
    try {
        auto reading = channel_->read(buffer, limit);
        co_return co_await std::move(reading);
    } catch (const ssh::SshError& error) {
        bool is_shell = error.failure() == ssh::Failure::timed_out && lease_.session().was_heard_of_since(begun);
        if (!is_shell) throw;
    }
    throw ssh::SshError(ssh::Failure::refused,
                        lease_.session().shown() + ": the shell of this account does not begin, though the server " +
                            "answers: a start-up file there, such as .bashrc, reads its input or takes longer than " +
                            format_duration(lease_.session().settings().step_timeout) +
                            "; have it do so in interactive shells only ([ -t 0 ])");
}

Task<ssh::ScriptResult> RemoteShell::run(std::string script, ssh::InputSource* input, ssh::OutputSink& output,
                                         size_t stderr_bytes, ShellWay way) {
    usable_ = false;
    std::string head =
        std::to_string(script.size()) + (input != nullptr ? " 1 " : " 0 ") + word_of(way) + "\n" + script;
    Run current{std::move(head), input, output, stderr_bytes, StreamEnd(marker_), StreamEnd(marker_), {}};
    auto body = [this, &current](Nursery& nursery) { return converse(current, nursery); };
    co_await with_nursery(body);
    usable_ = true;
    co_return std::move(current.result);
}

Task<void> RemoteShell::converse(Run& run, Nursery& nursery) {
    nursery.spawn(feed(run));
    co_await read(run);
}

Task<void> RemoteShell::feed(Run& run) {
    co_await write(run.head);
    while (run.input != nullptr) {
        std::string_view piece = co_await run.input->next();
        std::string size = std::to_string(piece.size()) + "\n";
        co_await write(std::move(size));
        if (piece.empty()) co_return;
        auto writing = channel_->write(piece);
        co_await std::move(writing);
    }
}

Task<void> RemoteShell::read(Run& run) {
    uint64_t error_bytes = 0;
    ssh::LeastRate rate(std::chrono::steady_clock::now());
    std::vector<char> buffer(buffer_bytes);
    while (!run.output_end.found() || !run.errors_end.found()) {
        auto reading = channel_->read(buffer, std::nullopt);
        ssh::Channel::Chunk chunk = co_await std::move(reading);
        std::string_view bytes(buffer.data(), chunk.size);
        if (chunk.size == 0) {
            throw ssh::SshError(ssh::Failure::lost,
                                lease_.session().shown() + ": the shell on the server ended in the middle of its work");
        }
        if (!rate.note(chunk.size, std::chrono::steady_clock::now())) {
            throw ssh::SshError(ssh::Failure::limit, lease_.session().shown() +
                                                         ": the server's answer trickles, a few bytes at a time; the "
                                                         "connection was given up. See what it does, then try again");
        }
        if (chunk.from_stderr) {
            bytes = run.errors_end.pass(bytes);
            error_bytes += bytes.size();
            if (error_bytes > most_error_bytes) {
                throw ssh::SshError(ssh::Failure::limit,
                                    lease_.session().shown() + ": the shell on the server prints errors without end");
            }
            run.result.errors +=
                bytes.substr(0, run.stderr_bytes - std::min(run.stderr_bytes, run.result.errors.size()));
        } else if (bytes = run.output_end.pass(bytes); !bytes.empty()) {
            co_await run.output.take(bytes);
        }
    }
    int status = 255;
    const std::string& text = run.output_end.text();
    std::from_chars(text.data(), text.data() + text.size(), status);
    run.result.exit.status = status;
}

}  // namespace syncline
