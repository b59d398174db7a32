#include "cli/end_run.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/text.hpp"
#include "cli/engine_place.hpp"
#include "cli/workbench.hpp"
#include "state/lock.hpp"

namespace syncline::cli {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(20);
constexpr auto patience = std::chrono::seconds(60);

/// The engine of any job file: it has more to do than this one run.
bool is_engine(int pid, const std::string& state_directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(state_directory + "/locks", error)) {
        if (!entry.path().filename().string().starts_with("engine-")) continue;
        if (lock_holder(entry.path()) == pid) return true;
    }
    return false;
}

/// The lock proves that the PID is that of a run, and the descriptor that the signal reaches nobody who got it since.
bool end_process(int pid, const std::string& lock) {
    int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (process < 0) return false;
    bool is_sent = lock_holder(lock) == pid && ::syscall(SYS_pidfd_send_signal, process, SIGTERM, nullptr, 0) == 0;
    ::close(process);
    return is_sent;
}

void end_holder(Session& session, const Job& job, const std::string& lock, int engine_pid,
                const std::string& state_directory) {
    std::optional<int> holder = lock_holder(lock);
    if (!holder || *holder == engine_pid || *holder == ::getpid()) return;
    const std::string who = "process " + std::to_string(*holder);
    if (is_engine(*holder, state_directory)) {
        throw Error(Errc::locked, escape(job.name) + ": an engine of another job file (" + who +
                                      ") runs the same places; pause or stop the job there");
    }
    if (!end_process(*holder, lock)) return;
    session.output.info(escape(job.name) + ": ending the run of " + who);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (lock_holder(lock) == holder) {
        if (std::chrono::steady_clock::now() >= deadline) {
            throw Error(Errc::locked, escape(job.name) + ": " + who + " was told to end its run and still goes on; " +
                                          "look at it, and try again");
        }
        std::this_thread::sleep_for(look_interval);
    }
}

}  // namespace

void end_run_elsewhere(Session& session, const std::optional<JobFile>& file, const Job& job) {
    Workbench workbench(session);
    if (file) workbench.use_settings(*file);
    std::optional<int> engine;
    if (file) engine = lock_holder(engine_place(file->path, session.environment).lock);
    const std::string state_directory = workbench.context().state_directory;
    PairKey key = workbench.pair_key(job);
    for (const std::string& lock : run_lock_paths(state_directory, key)) {
        end_holder(session, job, lock, engine.value_or(0), state_directory);
    }
}

}  // namespace syncline::cli
