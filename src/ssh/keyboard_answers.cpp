#include "ssh/keyboard_answers.hpp"

#include <libssh2.h>
#include <openssl/crypto.h>

#include <algorithm>

namespace syncline::ssh {
namespace {

constexpr int most_prompts = 20;

/// libssh2's callback has no argument of ours but the session's. It is called within talk(), on the one thread there
/// is.
KeyboardAnswers* talking = nullptr;

// NOLINTNEXTLINE(readability-function-size): the parameters are libssh2's
void on_questions(const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
                  LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void**) {
    for (int i = 0; i < count && i < most_prompts; ++i) {
        KeyboardAnswers::Question question;
        question.text.assign(reinterpret_cast<const char*>(prompts[i].text), std::min<size_t>(prompts[i].length, 1000));
        question.echo = prompts[i].echo != 0;
        auto text = talking->answer(question, count == 1);
        auto* memory = static_cast<char*>(talking->session().allocate(text.size() + 1));
        if (!memory) return;
        std::ranges::copy(text, memory);
        responses[i].text = memory;
        responses[i].length = static_cast<unsigned>(text.size());
        ::OPENSSL_cleanse(text.data(), text.size());
    }
}

}  // namespace

KeyboardAnswers::~KeyboardAnswers() {
    ::OPENSSL_cleanse(password_.data(), password_.size());
    for (auto& [question, text] : answers_) ::OPENSSL_cleanse(text.data(), text.size());
}

void KeyboardAnswers::set_password(std::string password) { password_ = std::move(password); }

void KeyboardAnswers::add(std::string question, std::string answer) {
    answers_[std::move(question)] = std::move(answer);
}

long KeyboardAnswers::talk(const char* user, unsigned user_size) {
    if (!talking_) unanswered_.clear();
    talking = this;
    auto result = ::libssh2_userauth_keyboard_interactive_ex(session_.handle(), user, user_size, &on_questions);
    talking = nullptr;
    talking_ = result == LIBSSH2_ERROR_EAGAIN;
    return result;
}

std::string KeyboardAnswers::answer(const Question& question, bool is_only_one) {
    was_asked_ = true;
    if (auto known = answers_.find(question.text); known != answers_.end()) return known->second;
    if (is_only_one && !question.echo && !password_.empty()) return password_;
    unanswered_.push_back(question);
    return "";
}

}  // namespace syncline::ssh
