// KeyboardAnswers: one keyboard-interactive conversation (RFC 4256), whose answers must be there before the questions
// come.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ssh/session.hpp"

namespace syncline::ssh {

class KeyboardAnswers {
  public:
    explicit KeyboardAnswers(Session& session) : session_(session) {}
    ~KeyboardAnswers();
    KeyboardAnswers(const KeyboardAnswers&) = delete;
    KeyboardAnswers& operator=(const KeyboardAnswers&) = delete;

    struct Question {
        std::string text;  ///< as the server sent it; not to be trusted
        bool echo = false;
    };

    /// Answers a conversation's only hidden question.
    void set_password(std::string password);
    void add(std::string question, std::string answer);

    /// Questions of the last talk for which there was no answer.
    const std::vector<Question>& unanswered() const { return unanswered_; }

    /// Whether the server has asked anything in any talk.
    bool was_asked() const { return was_asked_; }

    /// One call of libssh2, with its result.
    long talk(const char* user, unsigned user_size);

    /// The answer to a question of the conversation that goes on now; notes it down when there is none.
    std::string answer(const Question& question, bool is_only_one);

    Session& session() { return session_; }

  private:
    Session& session_;
    bool talking_ = false;
    bool was_asked_ = false;
    std::string password_;
    std::map<std::string, std::string> answers_;
    std::vector<Question> unanswered_;
};

}  // namespace syncline::ssh
