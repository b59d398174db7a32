#include "async/manual_clock.hpp"

#include <algorithm>
#include <asio/this_coro.hpp>

namespace syncline {

/// The entry of one sleeper, for as long as its frame waits.
struct ManualClock::Sleep {
    Sleep(std::vector<Sleeper>& list, TimeNs deadline, Event& event) : sleepers(list), wake(&event) {
        auto later = [](const Sleeper& a, const Sleeper& b) { return a.deadline < b.deadline; };
        Sleeper sleeper{deadline, wake};
        sleepers.insert(std::upper_bound(sleepers.begin(), sleepers.end(), sleeper, later), sleeper);
    }
    ~Sleep() {
        std::erase_if(sleepers, [this](const Sleeper& sleeper) { return sleeper.wake == wake; });
    }
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;

    std::vector<Sleeper>& sleepers;
    Event* wake;
};

Task<void> ManualClock::sleep_until(TimeNs deadline) {
    if (deadline <= steady_) co_return;
    auto executor = co_await asio::this_coro::executor;
    Event wake(executor);
    Sleep sleep(sleepers_, deadline, wake);
    co_await wake.wait();
}

void ManualClock::advance(Duration duration) {
    TimeNs ns = std::chrono::nanoseconds(duration).count();
    wall_ += ns;
    steady_ += ns;
    for (auto& sleeper : sleepers_) {
        if (sleeper.deadline <= steady_) sleeper.wake->notify();
    }
}

void ManualClock::jump_wall(Duration offset) {
    wall_ += std::chrono::nanoseconds(offset).count();
    for (auto& sleeper : sleepers_) sleeper.wake->notify();
}

std::optional<TimeNs> ManualClock::next_deadline() const {
    if (sleepers_.empty()) return std::nullopt;
    return sleepers_.front().deadline;
}

}  // namespace syncline
