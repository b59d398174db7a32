#include "ssh/authentication.hpp"

#include <libssh2.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "async/deadline.hpp"
#include "base/text.hpp"
#include "ssh/agent.hpp"
#include "ssh/host_key.hpp"
#include "ssh/key_file.hpp"
#include "ssh/key_signature.hpp"
#include "ssh/keyboard_answers.hpp"
#include "ssh/text.hpp"

namespace syncline::ssh {
namespace {

constexpr int most_questions = 3;                          ///< times that a secret is asked for again
constexpr Duration agent_limit = std::chrono::minutes(2);  // it may ask the user

/// One attempt to sign in: what the server offers, and what was tried so far, for the message when all fails.
class SignIn {
  public:
    explicit SignIn(Session& session) : session_(session), settings_(session.settings()) {}

    Task<void> run();

  private:
    Task<bool> ask_for_methods();
    Task<bool> try_agent();
    Task<bool> try_agent_key(Agent& agent, Agent::Key key);
    Task<bool> try_key_files();
    Task<bool> try_key_file(std::string path, KeyFile key);
    Task<bool> try_encrypted_key_file(std::string path, KeyFile key);
    Task<bool> would_accept(std::string public_blob);
    Task<bool> use_key_file(std::string path, std::string passphrase);
    Task<bool> try_keyboard();
    Task<bool> try_password();
    Task<std::optional<std::string>> ask_password(int attempt);
    Task<long> call(std::function<long()> function, const char* step);

    bool offers(std::string_view method) const {
        return ("," + methods_ + ",").find("," + std::string(method) + ",") != std::string::npos;
    }
    bool signed_in() const { return ::libssh2_userauth_authenticated(session_.handle()) != 0; }
    const char* user() const { return settings_.user.c_str(); }
    unsigned user_size() const { return static_cast<unsigned>(settings_.user.size()); }
    SshError refused() const;

    Session& session_;
    const SshSettings& settings_;
    std::string methods_;
    std::vector<std::string> identities_;  ///< public keys of the key files
    std::vector<std::string> done_;        ///< public keys that the agent has tried
    std::vector<std::string> tried_;
    std::vector<std::string> notes_;
    std::optional<std::string> unheard_;  ///< a password that no question took
};

std::string joined(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text.empty() ? "nothing" : text;
}

void forget(std::string& secret) { ::OPENSSL_cleanse(secret.data(), secret.size()); }

SshError SignIn::refused() const {
    auto text = session_.shown() + ": signing in was refused. The server takes " + escape(methods_) +
                "; tried: " + joined(tried_);
    for (const auto& note : notes_) text += "; " + note;
    return SshError(Failure::authentication, text + ". Check user and identity_file, or set password = true; `" +
                                                 ssh_command(settings_, "-v") + "` shows more");
}

Task<long> SignIn::call(std::function<long()> function, const char* step) {
    Session::Patience patience(step, Session::Waiting::exclusive, session_.step_deadline());
    auto driven = session_.drive(std::move(function), std::move(patience));
    co_return co_await std::move(driven);
}

Task<bool> SignIn::ask_for_methods() {
    const char* methods = nullptr;
    auto ask = [&]() -> long {
        methods = ::libssh2_userauth_list(session_.handle(), user(), user_size());
        return methods || signed_in() ? 0 : ::libssh2_session_last_errno(session_.handle());
    };
    auto result = co_await call(ask, "signing in");
    if (methods) methods_ = methods;
    if (!methods && !signed_in()) {
        throw session_.failure(result == LIBSSH2_ERROR_AUTHENTICATION_FAILED ? Failure::authentication : Failure::lost,
                               "signing in");
    }
    co_return signed_in();
}

Task<void> SignIn::run() {
    try {
        if (co_await ask_for_methods()) co_return;
        if (offers("publickey")) {
            if (co_await try_agent()) co_return;
            if (co_await try_key_files()) co_return;
        }
        if (!offers("keyboard-interactive") && !offers("password") && settings_.password) {
            // After a key that counts as the first of two factors, the server offers the second.
            if (co_await ask_for_methods()) co_return;
        }
        if (offers("keyboard-interactive") && co_await try_keyboard()) co_return;
        if (offers("password") && co_await try_password()) co_return;
    } catch (const SshError& failure) {
        // Servers hang up after a number of refused keys.
        if (failure.failure() != Failure::lost || tried_.empty()) throw;
        std::string text = refused().what() + std::string(". It then ended the connection: ") + failure.what();
        if (text.find("Too many authentication failures") != std::string::npos) {
            text +=
                ". The server lets only some keys be tried, and the right one was not among them: name it with "
                "identity_file in [hosts." +
                escape(settings_.host_alias) +
                "] (or IdentityFile with IdentitiesOnly yes in ssh_config), or remove keys from the agent with "
                "`ssh-add -d`";
        }
        throw SshError(Failure::authentication, text);
    }
    throw refused();
}

Task<bool> SignIn::try_agent() {
    for (const auto& path : settings_.identity_files) {
        if (auto key = read_public_key(path); !key.empty()) identities_.push_back(std::move(key));
    }
    auto executor = co_await asio::this_coro::executor;
    Agent agent(executor);
    if (!co_await agent.connect(settings_.agent_socket)) co_return false;
    auto listing = agent.list();
    auto keys = co_await with_deadline(std::move(listing), agent_limit, "the ssh-agent");
    // Those that the configuration names go first: servers hang up after a number of others.
    for (bool configured : {true, false}) {
        for (const auto& key : keys) {
            bool is_configured = std::ranges::count(identities_, key.blob) > 0;
            if (is_configured != configured || (!configured && settings_.identities_only)) continue;
            if (co_await try_agent_key(agent, key)) co_return true;
        }
    }
    co_return false;
}

Task<bool> SignIn::try_agent_key(Agent& agent, Agent::Key key) {
    tried_.push_back("key '" + escape(key.comment) + "' of the agent");
    done_.push_back(key.blob);
    PendingSignature pending(session_);
    auto attempt = [&]() -> long {
        void* abstract = &pending;
        auto result = ::libssh2_userauth_publickey(session_.handle(), user(),
                                                   reinterpret_cast<const unsigned char*>(key.blob.data()),
                                                   key.blob.size(), &PendingSignature::on_sign, &abstract);
        return result == LIBSSH2_ERROR_EAGAIN && pending.is_wanted() ? PendingSignature::wanted : result;
    };
    while (true) {
        auto result = co_await call(attempt, "signing in with the agent");
        if (result != PendingSignature::wanted) co_return result == 0;
        auto signing = agent.sign(key.blob, pending.data(), pending.agent_flags());
        auto signature = co_await with_deadline(std::move(signing), agent_limit, "the ssh-agent");
        pending.answer(signature);
    }
}

Task<bool> SignIn::try_key_files() {
    for (const auto& path : settings_.identity_files) {
        auto key = read_key_file(path);
        if (!key || (!key->public_blob.empty() && std::ranges::count(done_, key->public_blob) > 0)) continue;
        bool done = key->encrypted ? co_await try_encrypted_key_file(path, *key) : co_await try_key_file(path, *key);
        if (done) co_return true;
    }
    co_return false;
}

Task<bool> SignIn::try_key_file(std::string path, KeyFile) {
    tried_.push_back("key file " + escape(path));
    co_return co_await use_key_file(path, "");
}

Task<bool> SignIn::use_key_file(std::string path, std::string passphrase) {
    auto attempt = [&]() -> long {
        return ::libssh2_userauth_publickey_fromfile_ex(session_.handle(), user(), user_size(), nullptr, path.c_str(),
                                                        passphrase.c_str());
    };
    auto result = co_await call(attempt, "signing in with a key file");
    forget(passphrase);
    if (result == LIBSSH2_ERROR_FILE) notes_.push_back(escape(path) + " could not be read as a key");
    co_return result == 0;
}

Task<bool> SignIn::would_accept(std::string public_blob) {
    if (public_blob.empty()) co_return true;  // Nobody can tell before it is decrypted.
    PendingSignature pending(session_);
    pending.refuse();
    auto attempt = [&]() -> long {
        void* abstract = &pending;
        return ::libssh2_userauth_publickey(session_.handle(), user(),
                                            reinterpret_cast<const unsigned char*>(public_blob.data()),
                                            public_blob.size(), &PendingSignature::on_sign, &abstract);
    };
    co_await call(attempt, "signing in with a key file");
    co_return pending.is_wanted();
}

/// The passphrase is only asked for when the server would take the key.
Task<bool> SignIn::try_encrypted_key_file(std::string path, KeyFile key) {
    if (!settings_.passphrase) {
        notes_.push_back("key file " + escape(path) + " is encrypted and nobody can be asked (use an ssh-agent)");
        co_return false;
    }
    tried_.push_back("encrypted key file " + escape(path));
    if (!co_await would_accept(key.public_blob)) co_return false;
    for (int attempt = 1; attempt <= most_questions; ++attempt) {
        SecretPrompt prompt(SecretPrompt::Type::passphrase, path, "Passphrase for " + escape(path) + ": ", false);
        prompt.attempt = attempt;
        auto answer = co_await settings_.passphrase(prompt);
        if (!answer) co_return false;
        if (co_await use_key_file(path, std::move(*answer))) co_return true;
    }
    co_return false;
}

Task<std::optional<std::string>> SignIn::ask_password(int attempt) {
    SecretPrompt prompt(SecretPrompt::Type::password, settings_.shown(), "Password for " + settings_.shown() + ": ",
                        false);
    prompt.attempt = attempt;
    auto asking = settings_.password(prompt);
    co_return co_await std::move(asking);
}

/// libssh2 wants the answers the moment the server asks. A single hidden question is taken for the password; what else
/// the server asks is learned from one attempt, and answered in the next.
Task<bool> SignIn::try_keyboard() {
    if (!settings_.password) co_return false;
    tried_.push_back("keyboard-interactive");
    KeyboardAnswers answers(session_);
    std::string before;
    for (int attempt = 1; attempt <= most_questions; ++attempt) {
        if (answers.unanswered().empty()) {
            auto password = co_await ask_password(attempt);
            if (!password || (attempt > 1 && *password == before)) co_return false;
            before = *password;
            answers.set_password(std::move(*password));
        }
        for (const auto& question : answers.unanswered()) {
            SecretPrompt prompt(SecretPrompt::Type::question, settings_.shown(), question.text, question.echo);
            prompt.attempt = attempt;
            auto answer = co_await settings_.password(prompt);
            if (!answer) co_return false;
            answers.add(question.text, std::move(*answer));
        }
        auto talk = [&]() -> long { return answers.talk(user(), user_size()); };
        auto result = co_await call(talk, "signing in with keyboard-interactive");
        if (result == 0) co_return true;
        // Nobody has heard the answer (sshd with UsePAM no): it is for the method that takes a password.
        if (!answers.was_asked()) {
            unheard_ = std::move(before);
            co_return false;
        }
    }
    co_return false;
}

Task<bool> SignIn::try_password() {
    if (!settings_.password) co_return false;
    tried_.push_back("password");
    std::string before;
    for (int attempt = 1; attempt <= most_questions; ++attempt) {
        std::optional<std::string> password = std::exchange(unheard_, std::nullopt);
        if (!password) password = co_await ask_password(attempt);
        if (!password || (attempt > 1 && *password == before)) break;
        auto send = [&]() -> long {
            return ::libssh2_userauth_password_ex(session_.handle(), user(), user_size(), password->c_str(),
                                                  static_cast<unsigned>(password->size()), nullptr);
        };
        auto result = co_await call(send, "signing in with a password");
        forget(before);
        before = std::move(*password);
        if (result == LIBSSH2_ERROR_PASSWORD_EXPIRED) notes_.push_back("the password has expired");
        if (result == 0) co_return true;
    }
    forget(before);
    co_return false;
}

}  // namespace

Task<void> sign_in(Session& session) {
    SignIn attempt(session);
    co_await attempt.run();
}

}  // namespace syncline::ssh
