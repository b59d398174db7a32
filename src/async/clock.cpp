#include "async/clock.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <ctime>

#include "base/error.hpp"

namespace syncline {
namespace {

/// Without a notice of clock changes the clocks are looked at this often.
constexpr TimeNs unnoticed_limit = 10 * ns_per_second;
/// With it, for the change between reading the clock and arming the timer.
constexpr TimeNs noticed_limit = 3600 * ns_per_second;

TimeNs read_clock(clockid_t id) {
    timespec now{};
    ::clock_gettime(id, &now);
    return now.tv_sec * ns_per_second + now.tv_nsec;
}

bool arm(int timer, int flags, TimeNs value) {
    itimerspec spec{};
    spec.it_value.tv_sec = value / ns_per_second;
    spec.it_value.tv_nsec = value % ns_per_second;
    return ::timerfd_settime(timer, flags, &spec, nullptr) == 0;
}

/// A timer on the wall clock ends when the clock is set (TFD_TIMER_CANCEL_ON_SET) and goes on in suspend:
/// timerfd_create(2).
void arm_for(int timer, TimeNs duration) {
    TimeNs wake_at = read_clock(CLOCK_REALTIME) + std::min(duration, noticed_limit);
    if (arm(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, wake_at)) return;
    if (!arm(timer, 0, std::min(duration, unnoticed_limit))) throw errno_error("set", "a timer", errno);
}

}  // namespace

TimeNs SystemClock::wall_now() const { return read_clock(CLOCK_REALTIME); }

TimeNs SystemClock::steady_now() const { return read_clock(CLOCK_BOOTTIME); }

Task<void> SystemClock::sleep_until(TimeNs deadline) {
    TimeNs duration = deadline - steady_now();
    if (duration <= 0) co_return;
    auto executor = co_await asio::this_coro::executor;
    int timer = ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer < 0) throw errno_error("create", "a timer", errno);
    asio::posix::stream_descriptor descriptor(executor, timer);
    arm_for(timer, duration);
    // Readable when it expired and when it was cancelled by a change of the clock; either is a reason to look.
    auto woken = descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    co_await std::move(woken);
}

}  // namespace syncline
