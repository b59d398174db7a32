#include "cli/clean_locks.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/error.hpp"

namespace syncline::cli {
namespace {

constexpr auto pause = std::chrono::milliseconds(20);
constexpr auto patience = std::chrono::seconds(60);
using Clock = std::chrono::steady_clock;

/// A process by a handle that never becomes another process's.
class ProcessHandle {
  public:
    explicit ProcessHandle(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    ~ProcessHandle() {
        if (fd_ >= 0) ::close(fd_);
    }
    ProcessHandle(const ProcessHandle&) = delete;
    ProcessHandle& operator=(const ProcessHandle&) = delete;
    void terminate() const {
        if (fd_ >= 0) ::syscall(SYS_pidfd_send_signal, fd_, SIGTERM, nullptr, 0);
    }

  private:
    int fd_;
};

[[noreturn]] void give_up(const std::string& holder) {
    throw Error(Errc::locked, "another clean" + (holder.empty() ? "" : " (PID " + holder + ")") +
                                  " is at work and does not end; try again later");
}

/// The PID of a clean in the background: of who holds both locks. For a moment others may hold one of them.
std::string background_holder(const std::string& state_directory) {
    std::string of_background, of_clean;
    if (FileLock::try_acquire(background_clean_lock_path(state_directory), of_background)) return "";
    if (FileLock::try_acquire(clean_lock_path(state_directory), of_clean)) return "";
    return of_background == of_clean ? of_background : "";
}

/// Who it is, is asked again once there is a handle: if that PID still holds the locks, the handle is its.
void end_background_clean(const std::string& state_directory, const std::string& holder) {
    pid_t pid = 0;
    std::from_chars(holder.data(), holder.data() + holder.size(), pid);
    if (pid <= 1) return;
    ProcessHandle process(pid);
    if (background_holder(state_directory) == holder) process.terminate();
}

}  // namespace

std::optional<BackgroundClean> begin_background_clean(const std::string& state_directory) {
    std::string holder;
    std::optional<FileLock> background = FileLock::try_acquire(background_clean_lock_path(state_directory), holder);
    if (!background) return std::nullopt;
    std::optional<FileLock> clean = FileLock::try_acquire(clean_lock_path(state_directory), holder);
    if (!clean) return std::nullopt;
    return BackgroundClean{std::move(*background), std::move(*clean)};
}

std::optional<FileLock> begin_engine_clean(const std::string& state_directory) {
    std::string holder;
    return FileLock::try_acquire(clean_lock_path(state_directory), holder);
}

FileLock begin_clean_by_hand(const std::string& state_directory) {
    std::string holder, told;
    for (auto end = Clock::now() + patience; Clock::now() < end; std::this_thread::sleep_for(pause)) {
        if (std::optional<FileLock> lock = FileLock::try_acquire(clean_lock_path(state_directory), holder))
            return std::move(*lock);
        std::string background = background_holder(state_directory);
        if (!background.empty() && background != told) end_background_clean(state_directory, background);
        told = background;
    }
    give_up(holder);
}

std::string stop_background_clean(const std::string& state_directory) {
    std::string holder, told;
    for (auto end = Clock::now() + patience; Clock::now() < end; std::this_thread::sleep_for(pause)) {
        if (FileLock::try_acquire(background_clean_lock_path(state_directory), holder)) return told;
        std::string background = background_holder(state_directory);
        if (background.empty() || background == told) continue;
        end_background_clean(state_directory, background);
        told = background;
    }
    give_up(holder);
}

}  // namespace syncline::cli
