// Short ways of doing one thing on a new connection, for tests.
#pragma once

#include <asio/io_context.hpp>
#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ssh/exec.hpp"
#include "ssh/session.hpp"
#include "ssh/sftp.hpp"

namespace syncline::ssh {

/// Connects, runs `work` on the session and rethrows what it throws.
void with_session(SshSettings settings, std::function<Task<void>(Session&)> work);
void with_sftp(SshSettings settings, std::function<Task<void>(Sftp&)> work);

ScriptOutput run_script_on(SshSettings settings, std::string script);

/// Gives answers in turn and keeps the questions.
class Answers {
  public:
    explicit Answers(std::deque<std::string> answers) : left(std::move(answers)) {}
    SecretSource source() {
        return [this](SecretPrompt prompt) { return answer(std::move(prompt)); };
    }

    std::deque<std::string> left;
    std::vector<SecretPrompt> asked;

  private:
    Task<std::optional<std::string>> answer(SecretPrompt prompt) {
        asked.push_back(prompt);
        if (left.empty()) co_return std::nullopt;
        std::optional<std::string> next = left.front();
        left.pop_front();
        co_return next;
    }
};

/// An ssh-agent of one's own.
class TestAgent {
  public:
    explicit TestAgent(std::filesystem::path socket);
    ~TestAgent();
    TestAgent(const TestAgent&) = delete;
    TestAgent& operator=(const TestAgent&) = delete;
    std::string socket() const { return socket_; }
    void add(const std::string& key_file);
    void forget_all();

  private:
    std::string socket_;
    std::string pid_;
};

}  // namespace syncline::ssh
