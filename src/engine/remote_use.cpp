#include "engine/remote_use.hpp"

#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include "async/first_of.hpp"
#include "base/rel_path.hpp"
#include "base/text.hpp"

namespace syncline {
namespace {

/// How long a use may seem to be over although it is not.
constexpr TimeNs refresh_interval = 3600 * ns_per_second;
constexpr auto lock_pause = std::chrono::milliseconds(20);
/// A clean takes thousands of directories away in seconds.
constexpr auto lock_patience = std::chrono::minutes(2);

}  // namespace

RemoteUse::RemoteUse(Store& store, std::string state_directory, const ProjectPlace& place, std::string root,
                     std::string job)
    : store_(store), state_directory_(std::move(state_directory)) {
    directory_.host = {place.host, place.user, place.hostname, place.port, place.host_key};
    directory_.path = place.path;
    directory_.root = std::move(root);
    directory_.job = std::move(job);
}

Task<void> RemoteUse::begin() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    const auto deadline = std::chrono::steady_clock::now() + lock_patience;
    std::string holder;
    std::optional<FileLock> uses = FileLock::try_acquire(uses_lock_path(state_directory_), holder);
    while (!uses) {
        if (std::chrono::steady_clock::now() > deadline)
            throw Error(Errc::locked, escape(directory_.host.name + ":" + directory_.path) + ": a clean" +
                                          (holder.empty() ? "" : " (PID " + holder + ")") +
                                          " takes directories away and does not end; stop it and try again");
        timer.expires_after(lock_pause);
        auto pause = timer.async_wait(asio::use_awaitable);
        co_await std::move(pause);
        uses = FileLock::try_acquire(uses_lock_path(state_directory_), holder);
    }
    lock_ = FileLock::try_share(use_lock_path(state_directory_, std::string(last_name(directory_.path))));
    record("");
}

void RemoteUse::record(const std::string& host_key) {
    if (!host_key.empty()) directory_.host.key = host_key;
    record_at(wall_clock_now());
}

void RemoteUse::record_at(TimeNs now) {
    directory_.last_used_at = now;
    store_.record_use(directory_);
}

Task<void> RemoteUse::keep_while(Task<void> work) {
    SystemClock clock;
    auto kept = keep_while(std::move(work), clock);
    co_await std::move(kept);
}

Task<void> RemoteUse::keep_while(Task<void> work, Clock& clock) {
    auto recording = record_again(clock);
    auto both = first_of(std::move(work), std::move(recording));
    co_await std::move(both);
}

Task<void> RemoteUse::record_again(Clock& clock) {
    while (true) {
        TimeNs due = clock.steady_now() + refresh_interval;
        while (clock.steady_now() < due) co_await clock.sleep_until(due);
        record_at(clock.wall_now());
    }
}

}  // namespace syncline
