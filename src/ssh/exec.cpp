#include "ssh/exec.hpp"

#include <cstdio>

#include "async/deadline.hpp"
#include "async/nursery.hpp"
#include "base/assert.hpp"
#include "base/text.hpp"
#include "ssh/error.hpp"
#include "ssh/least_rate.hpp"
#include "ssh/marker.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr size_t buffer_bytes = 256 * 1024;

/// One run of a script: two coroutines share it, one that feeds and one that reads.
class ScriptRun {
  public:
    ScriptRun(Session& session, std::string script, InputSource& input, OutputSink& output, ScriptLimits limits)
        : session_(session),
          marker_(random_marker()),
          script_(marker_commands(marker_) + script),
          input_(input),
          output_(output),
          limits_(limits),
          noise_(marker_),
          error_noise_(marker_) {}

    void use(std::unique_ptr<Channel> channel) { channel_ = std::move(channel); }
    Task<void> run();
    ScriptResult take_result() { return std::move(result_); }

  private:
    Task<void> feed();
    Task<void> read(Nursery& nursery);
    Task<void> read_all();
    Task<void> converse(Nursery& nursery);
    void keep_errors(std::string_view bytes);
    SshError no_shell(const ExitStatus& exit) const;

    Session& session_;
    std::string marker_;
    std::string script_;
    InputSource& input_;
    OutputSink& output_;
    ScriptLimits limits_;
    MarkerFilter noise_;
    MarkerFilter error_noise_;
    std::unique_ptr<Channel> channel_;
    ScriptResult result_;
};

Task<void> ScriptRun::run() {
    if (!channel_) channel_ = co_await session_.open_channel();
    auto command = command_reading_script(script_.size());
    co_await channel_->exec(command);
    auto body = [this](Nursery& nursery) { return converse(nursery); };
    co_await with_nursery(body);
}

Task<void> ScriptRun::converse(Nursery& nursery) {
    nursery.spawn(feed());
    co_await read(nursery);
}

Task<void> ScriptRun::feed() {
    auto writing = channel_->write(script_);
    bool wanted = co_await std::move(writing);
    while (wanted) {
        auto piece = co_await input_.next();
        if (piece.empty()) break;
        auto write = channel_->write(piece);
        wanted = co_await std::move(write);
    }
    co_await channel_->send_eof();
}

/// Ends the run: when the command has ended nobody needs its input any more.
Task<void> ScriptRun::read(Nursery& nursery) {
    co_await read_all();
    result_.exit = co_await channel_->wait_exit();
    if (!noise_.found()) throw no_shell(result_.exit);
    nursery.cancel();
}

Task<void> ScriptRun::read_all() {
    std::vector<char> buffer(buffer_bytes);
    auto deadline = session_.step_deadline();
    LeastRate rate(steady_now());
    while (true) {
        // Until the script has begun, the server owes us its marker.
        auto limit = noise_.found() ? limits_.idle : time_until(deadline);
        auto reading = channel_->read(buffer, limit);
        auto chunk = co_await std::move(reading);
        if (chunk.size == 0) co_return;
        if (!rate.note(chunk.size, steady_now())) {
            throw SshError(Failure::limit, session_.shown() +
                                               ": the server's answer trickles, a few bytes at a time; the "
                                               "connection was given up. See what it does, then try again");
        }
        std::string_view bytes(buffer.data(), chunk.size);
        if (chunk.from_stderr) {
            keep_errors(error_noise_.pass(bytes));
        } else if (bytes = noise_.pass(bytes); !bytes.empty()) {
            co_await output_.take(bytes);
        }
    }
}

void ScriptRun::keep_errors(std::string_view bytes) {
    result_.errors += bytes;
    if (result_.errors.size() > limits_.stderr_bytes) {
        result_.errors.erase(0, result_.errors.size() - limits_.stderr_bytes);
    }
}

SshError ScriptRun::no_shell(const ExitStatus& exit) const {
    auto said = last_line(noise_.noise().empty() ? error_noise_.noise() : noise_.noise());
    auto text = session_.shown() + ": the account does not run commands";
    if (exit.status) text += " (exit status " + std::to_string(*exit.status) + ")";
    if (!said.empty()) text += "; it said: " + said;
    return SshError(Failure::no_shell, text);
}

/// Characters that stand for themselves in every shell and in printf's %b.
bool is_harmless(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
           std::string_view(" /.,_-+=:@").find(letter) != std::string_view::npos;
}

}  // namespace

std::string ScriptResult::why() const {
    std::string text = exit.status           ? "exit status " + std::to_string(*exit.status)
                       : exit.signal.empty() ? "ended without an exit status"
                                             : "ended by SIG" + escape(exit.signal);
    auto said = last_line(errors);
    return said.empty() ? text : text + ": " + said;
}

Task<ScriptResult> run_script(Session& session, std::string script, InputSource& input, OutputSink& output,
                              ScriptLimits limits, std::unique_ptr<Channel> channel) {
    ScriptRun script_run(session, std::move(script), input, output, limits);
    script_run.use(std::move(channel));
    if (limits.total) {
        auto running = script_run.run();
        co_await with_deadline(std::move(running), *limits.total, session.shown() + ": the remote script");
    } else {
        co_await script_run.run();
    }
    co_return script_run.take_result();
}

Task<ScriptOutput> run_short_script(Session& session, std::string script, size_t limit) {
    StringInput nothing("");
    StringSink text(limit);
    ScriptLimits limits;
    auto running = run_script(session, std::move(script), nothing, text, limits);
    ScriptOutput output;
    output.result = co_await std::move(running);
    output.text = text.take_bytes();
    co_return output;
}

std::string command_reading_script(size_t script_bytes) {
    // dd takes the script's bytes one at a time, so that the rest of stdin is left for the script itself: a shell that
    // reads its script from stdin may read ahead.
    return "exec sh -c 'eval \"$(dd bs=1 count=" + std::to_string(script_bytes) + " 2>/dev/null)\"'";
}

std::string login_shell_command(std::string_view script) {
    SYNCLINE_ASSERT(script.size() <= longest_command_script);
    // Within single quotes, sh, csh, fish and zsh agree on harmless characters and on a backslash before a digit.
    std::string command = "exec sh -c 'eval \"$(printf %b \"$1\")\"' sh '";
    for (char letter : script) {
        if (is_harmless(letter)) {
            command += letter;
        } else {
            char octal[6];
            std::snprintf(octal, sizeof octal, "\\0%03o", static_cast<unsigned>(static_cast<unsigned char>(letter)));
            command += octal;
        }
    }
    return command + "'";
}

}  // namespace syncline::ssh
