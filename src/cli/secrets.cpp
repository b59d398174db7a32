#include "cli/secrets.hpp"

#include <openssl/crypto.h>

#include <cstdlib>

#include "async/process.hpp"
#include "base/text.hpp"
#include "ssh/error.hpp"
#include "ssh/text.hpp"

namespace syncline::cli {
namespace {

constexpr size_t longest_secret = 64 * 1024;
constexpr Duration command_limit = std::chrono::minutes(2);  // it may ask the user to unlock something

using Answer = std::optional<std::string>;
using ssh::SecretPrompt;

[[noreturn]] void refuse_login(const std::string& host, const std::string& why) {
    throw ssh::SshError(ssh::Failure::authentication, "host '" + escape(host) + "' needs its password, but " + why);
}

Task<Answer> ask_user(Terminal& terminal, SecretPrompt prompt) {
    std::string text = prompt.text;
    if (prompt.type == SecretPrompt::Type::question) text = prompt.subject + " asks: " + escape(prompt.text) + " ";
    if (prompt.attempt > 1) text = "That was not accepted. " + text;
    auto asking = terminal.ask(std::move(text), prompt.echo);
    co_return co_await std::move(asking);
}

Task<Answer> ask_for_password(std::string host, Terminal& terminal, SecretPrompt prompt) {
    if (!has_terminal()) {
        refuse_login(host,
                     "there is no terminal to ask on; use a key, an ssh-agent, or password = { env = \"VAR\" } or "
                     "{ command = \"...\" }");
    }
    auto asking = ask_user(terminal, std::move(prompt));
    co_return co_await std::move(asking);
}

/// What else the server wants to know (a one-time code) is the user's to say.
Task<Answer> ask_question(Terminal& terminal, SecretPrompt prompt) {
    if (!has_terminal()) co_return std::nullopt;
    auto asking = ask_user(terminal, std::move(prompt));
    co_return co_await std::move(asking);
}

Task<std::string> read_variable(std::string host, std::string name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') refuse_login(host, "the environment variable " + name + " is not set");
    co_return value;
}

Task<std::string> run_for_password(std::string host, std::string command) {
    std::vector<std::string> arguments = {"sh", "-c", command};
    auto running = syncline::run_command(std::move(arguments), longest_secret, command_limit);
    CommandOutput done = co_await std::move(running);
    if (!done.started || done.status != 0) {
        refuse_login(host, "the command of its `password` failed: " + ssh::last_line(done.errors));
    }
    std::string password = done.output.substr(0, done.output.find('\n'));
    ::OPENSSL_cleanse(done.output.data(), done.output.size());
    if (password.empty()) refuse_login(host, "the command of its `password` printed nothing");
    co_return password;
}

Task<std::string> read_secret(std::string host, SecretSource secret) {
    using enum SecretSource::Type;
    if (secret.type == literal) co_return secret.value;
    if (secret.type == environment) {
        auto reading = read_variable(std::move(host), std::move(secret.value));
        co_return co_await std::move(reading);
    }
    auto running = run_for_password(std::move(host), std::move(secret.value));
    co_return co_await std::move(running);
}

Task<Answer> answer(std::string host, SecretSource secret, Terminal& terminal, SecretPrompt prompt) {
    if (prompt.type == SecretPrompt::Type::question) {
        auto asking = ask_question(terminal, std::move(prompt));
        co_return co_await std::move(asking);
    }
    if (secret.type == SecretSource::Type::terminal) {
        auto asking = ask_for_password(std::move(host), terminal, std::move(prompt));
        co_return co_await std::move(asking);
    }
    // It says the same when it is asked again.
    if (prompt.attempt > 1) co_return std::nullopt;
    auto reading = read_secret(std::move(host), std::move(secret));
    std::string password = co_await std::move(reading);
    co_return password;
}

}  // namespace

ssh::SecretSource password_source(const Host& host, Terminal& terminal) {
    if (host.password.type == SecretSource::Type::none) return nullptr;
    return [name = host.name, secret = host.password, &terminal](SecretPrompt prompt) {
        return answer(name, secret, terminal, std::move(prompt));
    };
}

ssh::SecretSource terminal_source(Terminal& terminal) {
    if (!has_terminal()) return nullptr;
    return [&terminal](SecretPrompt prompt) { return ask_question(terminal, std::move(prompt)); };
}

}  // namespace syncline::cli
