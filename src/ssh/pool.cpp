#include "ssh/pool.hpp"

#include <openssl/crypto.h>

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <random>

namespace syncline::ssh {
namespace {

constexpr Duration pauses[] = {std::chrono::milliseconds(500), std::chrono::seconds(2)};
// A refused sign-in is not repeated before that: servers lock accounts.
constexpr Duration refusal_lasts = std::chrono::seconds(60);
// A connection that lay idle for longer is asked whether it still lives.
constexpr Duration trusted_idle = std::chrono::seconds(10);
constexpr Duration answer_limit = std::chrono::seconds(5);

/// Between half of `pause` and all of it, so that many jobs do not come back in step.
Duration with_jitter(Duration pause) {
    static std::minstd_rand random{std::random_device{}()};
    return pause / 2 + Duration(std::uniform_int_distribution<Duration::rep>(0, pause.count() / 2)(random));
}

}  // namespace

SessionPool::SessionPool(asio::any_io_executor executor, SshSettings settings, size_t limit)
    : executor_(executor),
      settings_(std::move(settings)),
      limit_(limit),
      places_(executor, limit),
      sign_in_(executor, 1) {
    settings_.password = remembering(settings_.password);
    settings_.passphrase = remembering(settings_.passphrase);
}

SessionPool::~SessionPool() {
    for (auto& [text, secret] : secrets_) ::OPENSSL_cleanse(secret.data(), secret.size());
}

SecretSource SessionPool::remembering(SecretSource source) {
    if (!source) return source;
    return [this, source](SecretPrompt prompt) { return ask(source, std::move(prompt)); };
}

/// Several connections ask the same question; the user is asked once.
Task<std::optional<std::string>> SessionPool::ask(SecretSource source, SecretPrompt prompt) {
    auto known = secrets_.find(prompt.text);
    if (known != secrets_.end() && prompt.attempt == 1) co_return known->second;
    auto text = prompt.text;
    // One-time codes are good for one sign-in.
    bool lasts = prompt.type == SecretPrompt::Type::password || prompt.type == SecretPrompt::Type::passphrase;
    auto asking = source(std::move(prompt));
    auto answer = co_await std::move(asking);
    if (answer && lasts) secrets_[text] = *answer;
    co_return answer;
}

Task<SessionPool::Lease> SessionPool::acquire() {
    auto place = places_.acquire();
    auto permit = co_await std::move(place);
    auto connection = co_await take_idle();
    if (!connection) connection = co_await connect();
    co_return Lease(*this, std::move(permit), std::move(connection));
}

Task<std::optional<SessionPool::Lease>> SessionPool::acquire_if_free() {
    auto permit = places_.try_acquire();
    if (!permit) co_return std::nullopt;
    auto connection = co_await take_idle();
    if (!connection) connection = co_await connect();
    co_return Lease(*this, std::move(*permit), std::move(connection));
}

Task<std::unique_ptr<SessionPool::Connection>> SessionPool::take_idle() {
    while (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (!connection->session->usable()) continue;
        if (steady_now() - connection->idle_since < trusted_idle) co_return connection;
        bool lives = co_await connection->session->answers(answer_limit);
        if (lives) co_return connection;
    }
    co_return nullptr;
}

Task<std::unique_ptr<SessionPool::Connection>> SessionPool::connect() {
    if (signs_in_silently_) {
        auto connecting = connect_patiently();
        co_return co_await std::move(connecting);
    }
    auto turn = sign_in_.acquire();
    auto permit = co_await std::move(turn);
    auto connecting = connect_patiently();
    auto connection = co_await std::move(connecting);
    signs_in_silently_ = secrets_.empty();
    co_return connection;
}

Task<std::unique_ptr<SessionPool::Connection>> SessionPool::connect_patiently() {
    for (size_t attempt = 0;; ++attempt) {
        if (refusal_ && steady_now() < refused_until_) throw *refusal_;
        std::optional<SshError> failure;
        try {
            auto connection = std::make_unique<Connection>();
            auto connecting = Session::connect(settings_);
            connection->session = co_await std::move(connecting);
            connection->session->set_make_room([own = connection.get()] {
                bool can_go = own->sftp && own->sftp->is_idle();
                if (can_go) own->sftp.reset();
                return can_go;
            });
            co_return connection;
        } catch (const SshError& error) {
            failure = error;
        }
        // Somebody waits: a server that took so long twice is not asked a third time.
        bool was_slow = failure->failure() == Failure::timed_out && attempt > 0;
        if (!failure->may_retry() || was_slow || attempt == std::size(pauses)) {
            remember_refusal(*failure);
            // Whoever lost a connection in the middle of something may wait for better times; this is another thing.
            if (failure->may_retry()) throw SshError(Failure::connect, failure->what());
            throw *failure;
        }
        asio::steady_timer pause(executor_, with_jitter(pauses[attempt]));
        auto pausing = pause.async_wait(asio::use_awaitable);
        co_await std::move(pausing);
    }
}

void SessionPool::remember_refusal(const SshError& failure) {
    if (failure.may_retry() || failure.failure() == Failure::unknown_name) return;
    refusal_ = failure;
    refused_until_ = steady_now() + refusal_lasts;
    // What was answered was wrong.
    secrets_.clear();
}

void SessionPool::give_back(std::unique_ptr<Connection> connection) {
    if (!connection->session->usable()) return;
    if (connection->sftp && !connection->sftp->usable()) connection->sftp.reset();
    connection->idle_since = steady_now();
    idle_.push_back(std::move(connection));
}

void SessionPool::close_idle(Duration age) {
    std::erase_if(idle_, [&](const auto& connection) { return steady_now() - connection->idle_since >= age; });
}

SessionPool::Lease::Lease(SessionPool& pool, Semaphore::Permit permit, std::unique_ptr<Connection> connection)
    : pool_(&pool), permit_(std::move(permit)), connection_(std::move(connection)) {}

SessionPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_), permit_(std::move(other.permit_)), connection_(std::move(other.connection_)) {}

SessionPool::Lease::~Lease() {
    if (connection_) pool_->give_back(std::move(connection_));
}

Task<Sftp*> SessionPool::Lease::sftp() {
    if (!connection_->sftp || !connection_->sftp->usable()) {
        connection_->sftp.reset();
        auto starting = Sftp::start(*connection_->session);
        connection_->sftp = co_await std::move(starting);
    }
    co_return connection_->sftp.get();
}

}  // namespace syncline::ssh
