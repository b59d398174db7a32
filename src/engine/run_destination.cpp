// RunSteps: which destination it is that the job names, and the locks on it.
#include <unistd.h>

#include <algorithm>

#include "engine/run_steps.hpp"

namespace syncline {
namespace {

void take_lock(const std::string& path, std::vector<FileLock>& locks) {
    std::string holder;
    std::optional<FileLock> lock = FileLock::try_acquire(path, holder);
    const bool is_own = holder == std::to_string(::getpid());
    if (!lock && is_own) {
        throw Error(Errc::locked, "another run of this engine (PID " + holder +
                                      ") works on the same destination, however that is spelled; give the jobs a "
                                      "directory each, or wait for that run to end");
    }
    std::string by = holder.empty() ? "" : " (PID " + holder + ")";
    if (!lock) throw Error(Errc::locked, "another run" + by + " works on it; wait for that one to end");
    locks.push_back(std::move(*lock));
}

}  // namespace

void RunSteps::lock() {
    // Two jobs on one target would sweep each other's files in the making.
    for (const std::string& path : run_lock_paths(context_.state_directory, key_)) take_lock(path, locks_);
}

/// What has proved to be the same directory may be in the hands of a run that spells it otherwise.
void RunSteps::lock_as_well(const std::string& destination) {
    const std::vector<std::string> held = run_lock_paths(context_.state_directory, key_);
    const PairKey key{key_.root, destination, key_.direction};
    for (const std::string& path : run_lock_paths(context_.state_directory, key)) {
        if (std::ranges::find(held, path) == held.end()) take_lock(path, locks_);
    }
}

/// Finds out under which name the remote directory is recorded, now that the server told what it is. Whether that is
/// another one than this run went by.
bool RunSteps::settle_destination() {
    const std::string resolved = remote_->resolved_identity_text();
    if (resolved.empty() || resolved == key_.destination) return false;
    const bool is_first = key_.destination == spelled_;
    if (options_.plan_only) {
        // Without a trace: what is recorded under either name counts.
        std::optional<PairRecord> known = is_first ? context_.store.find(key_) : std::nullopt;
        if (known && (known->whole_sync || known->baseline_rows > 0)) return false;
    } else {
        lock_as_well(resolved);
        // A link that leads elsewhere since is another destination, once the guards have let that pass.
        if (is_first) context_.store.record_spelling(spelled_, resolved);
    }
    key_.destination = resolved;
    pair_ = context_.store.pair(key_);
    uploads_.set_pair(pair_);
    return true;
}

}  // namespace syncline
